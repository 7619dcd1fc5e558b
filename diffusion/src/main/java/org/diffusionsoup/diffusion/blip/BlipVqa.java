package org.diffusionsoup.diffusion.blip;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.image.ImagePreprocessor;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.image.PreprocessorConfig;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.Picture;

/**
 * BLIP's visual question answering (Li et al. 2022, salesforce/BLIP's {@code BLIP_VQA}): the image
 * encoder, a BERT that reads the question while it looks at the picture, and a BERT that writes, or
 * here ranks, answers while it looks at the question. Same parameter names as its checkpoint. There
 * are no dropouts, in training neither.
 */
public final class BlipVqa {
    /** Tokens that a question is cut to. */
    public static final int QUESTION_TOKENS = 35;

    /** Answers that get past the ranking's first round, as BLIP evaluates. */
    public static final int RANKED = 128;

    /** Part of the target that is spread over the vocabulary, in training and in ranking. */
    private static final double LABEL_SMOOTHING = 0.1;

    private static final int PUBLISHED_IMAGE_SIZE = 480;
    private static final String OUTPUT = "text_decoder.cls.predictions.decoder.";
    private static final String OUTPUT_BIAS = "text_decoder.cls.predictions.bias";
    private static final String DECODER_WORDS =
            "text_decoder.bert.embeddings.word_embeddings.weight";

    private final Parameters parameters;
    private final VitConfig vit;
    private final MedConfig med;
    private final VisionTransformer visualEncoder;
    private final MedBert textEncoder;
    private final MedBert textDecoder;
    private final MedLanguageHead head;

    /** Builds the model and allocates its weights, uninitialised. */
    public BlipVqa(VitConfig vit, MedConfig med) {
        this.vit = vit;
        this.med = med;
        Names root = Names.root();
        parameters = root.parameters();
        visualEncoder = new VisionTransformer(root.sub("visual_encoder"), vit);
        textEncoder = new MedBert(root.sub("text_encoder"), med, vit.width());
        textDecoder = new MedBert(root.sub("text_decoder.bert"), med, med.hiddenSize());
        head = new MedLanguageHead(root.sub("text_decoder.cls.predictions"), med);
        parameters.allocate();
    }

    /**
     * A loaded model with what it needs to be used.
     *
     * @param model the network
     * @param tokenizer of its {@code vocab.txt}
     * @param weightsSha256 content hash of its weights, see {@link WeightsHash}
     */
    public record Loaded(BlipVqa model, WordPieceTokenizer tokenizer, String weightsSha256) {}

    /**
     * Loads a checkpoint: {@code model_base_vqa_capfilt_large.pth} as published, or safetensors
     * with its tensors' names. Beside it lie {@code vocab.txt} (bert-base-uncased's) and, unless
     * the model is of the published size, {@code med_config.json} and {@code vit_config.json}. Also
     * a folder of transformers' {@code BlipForQuestionAnswering}; its questions start with BLIP's
     * {@code [ENC]} here too.
     *
     * @param model the checkpoint, or a folder with exactly one
     * @throws org.diffusionsoup.core.SoupException if a file is missing or damaged
     * @throws UnsupportedConfigException if the weights do not fit the configs, or the decoder's
     *     output table is another than its token table
     */
    public static Loaded load(Path model) {
        BlipFiles files = BlipFiles.of(model);
        MedConfig med = files.med();
        WordPieceTokenizer tokenizer = files.tokenizer(med);
        try (Checkpoint checkpoint = Checkpoint.open(files.weights())) {
            TensorSource source = checkpoint.part("");
            BlipKind.VQA.refuseOther(source, model);
            requireTied(source);
            BlipVqa vqa = new BlipVqa(files.vit(VitConfig.base(PUBLISHED_IMAGE_SIZE)), med);
            try {
                Weights.load(vqa.parameters, source, name -> ownName(source, name));
                return new Loaded(vqa, tokenizer, WeightsHash.of(source));
            } catch (RuntimeException e) {
                vqa.parameters.close();
                throw e;
            }
        }
    }

    /**
     * PyTorch stores the shared table and the shared bias under both their names; of two biases it
     * reads the decoder's last.
     */
    private static String ownName(TensorSource source, String stored) {
        return switch (stored) {
            case OUTPUT + "weight" -> "";
            case OUTPUT + "bias" -> OUTPUT_BIAS;
            case OUTPUT_BIAS -> source.tensors().containsKey(OUTPUT + "bias") ? "" : stored;
            default -> TransformersNames.own(stored);
        };
    }

    private static void requireTied(TensorSource source) {
        TensorInfo output = source.tensors().get(OUTPUT + "weight");
        TensorInfo words = source.tensors().get(DECODER_WORDS);
        if (output == null || words == null) {
            return;
        }
        boolean same = output.byteSize() == words.byteSize() && output.dtype() == words.dtype();
        try (Arena arena = Arena.ofConfined()) {
            long piece = 1L << 20;
            MemorySegment a = arena.allocate(piece);
            MemorySegment b = arena.allocate(piece);
            for (long at = 0; same && at < words.byteSize(); at += piece) {
                long n = Math.min(piece, words.byteSize() - at);
                source.read(output.name(), at, a.asSlice(0, n));
                source.read(words.name(), at, b.asSlice(0, n));
                same = a.asSlice(0, n).mismatch(b.asSlice(0, n)) < 0;
            }
        }
        if (!same) {
            throw new UnsupportedConfigException(
                    source.path()
                            + ": "
                            + output.name()
                            + " is another table than "
                            + words.name()
                            + "; BLIP's models share one, so this is no BLIP VQA checkpoint.");
        }
    }

    public Parameters parameters() {
        return parameters;
    }

    public VitConfig vit() {
        return vit;
    }

    public MedConfig med() {
        return med;
    }

    /**
     * Pictures as {@link #imageEmbeds} takes them: made RGB, then resized to a square whatever
     * their shape, as BLIP does it.
     */
    public PixelTensor pixels(List<Picture> pictures) {
        int side = vit.imageSize();
        var preprocessor =
                new ImagePreprocessor(
                        PreprocessorConfig.clip(side), ImagePreprocessor.Order.HUGGING_FACE);
        return preprocessor.preprocess(
                pictures.stream().map(p -> p.toRgb().resizeBicubic(side, side)).toList());
    }

    /** Questions as {@link #questionStates} takes them: {@code [ENC]} first. */
    public static TokenRows questions(WordPieceTokenizer tokenizer, List<String> questions) {
        return TokenRows.longest(tokenizer, questions, QUESTION_TOKENS)
                .startingWith(tokenizer.encodeId());
    }

    /** Answers as {@link #rank} takes them: {@code [DEC]} first. */
    public TokenRows answers(WordPieceTokenizer tokenizer, List<String> answers) {
        return TokenRows.longest(tokenizer, answers, med.maxPositions())
                .startingWith(tokenizer.decodeId());
    }

    /**
     * Looks at pictures.
     *
     * @param pixels preprocessed pictures (N, 3, imageSize, imageSize)
     * @return (N, patches + 1, vision width)
     */
    public Tensor imageEmbeds(Tensor pixels) {
        return visualEncoder.forward(pixels);
    }

    /**
     * Reads questions while looking at pictures.
     *
     * @param imageEmbeds from {@link #imageEmbeds}, one row per question
     * @param ids int64 (N, tokens)
     * @param mask int64 (N, tokens), 0 for padding
     * @return (N, tokens, text width)
     */
    public Tensor questionStates(Tensor imageEmbeds, Tensor ids, Tensor mask) {
        return textEncoder.forward(
                ids, AttentionMask.padding(mask), imageEmbeds, AttentionMask.all());
    }

    /**
     * What the decoder says at every token of an answer.
     *
     * @param questionStates from {@link #questionStates}, one row per answer
     * @param questionMask int64 (N, question tokens)
     * @param ids int64 (N, tokens), {@code [DEC]} first
     * @param mask int64 (N, tokens), 0 for padding
     * @return logits of the token after each (N, tokens, vocabulary)
     */
    public Tensor answerLogits(
            Tensor questionStates, Tensor questionMask, Tensor ids, Tensor mask) {
        Tensor states =
                textDecoder.forward(
                        ids,
                        AttentionMask.causal(mask),
                        questionStates,
                        AttentionMask.padding(questionMask));
        return head.forward(states, textDecoder.wordTable());
    }

    /**
     * Loss of each answer to its question: cross entropy summed over the answer's tokens, with
     * label smoothing 0.1, which BLIP trains and ranks with.
     *
     * @param questionStates from {@link #questionStates}, one row per answer
     * @param questionMask int64 (N, question tokens)
     * @param ids int64 (N, tokens), {@code [DEC]} first
     * @param mask int64 (N, tokens), 0 for padding
     * @return (N)
     */
    public Tensor answerLoss(Tensor questionStates, Tensor questionMask, Tensor ids, Tensor mask) {
        long n = ids.size(0);
        long steps = ids.size(1) - 1;
        Tensor logits = answerLogits(questionStates, questionMask, ids, mask).narrow(1, 0, steps);
        Tensor logs = Functional.logSoftmax(logits, -1);
        Tensor hit = logs.gather(2, ids.narrow(1, 1, steps).unsqueeze(2)).reshape(n, steps);
        Tensor spread = logs.mean(false, -1);
        Tensor loss = hit.mul(LABEL_SMOOTHING - 1).sub(spread.mul(LABEL_SMOOTHING));
        return loss.mul(mask.narrow(1, 1, steps).toFloat()).sum(false, 1);
    }

    /**
     * The decoder's logits after {@code [DEC]} alone.
     *
     * @param questionStates from {@link #questionStates}
     * @param questionMask int64 (N, question tokens)
     * @param startId {@code [DEC]}
     * @return (N, vocabulary)
     */
    public Tensor startLogits(Tensor questionStates, Tensor questionMask, int startId) {
        int n = Math.toIntExact(questionStates.size(0));
        long[] start = new long[n];
        Arrays.fill(start, startId);
        Tensor ones = Tensor.of(IntStream.range(0, n).mapToLong(i -> 1).toArray(), n, 1);
        return answerLogits(questionStates, questionMask, Tensor.of(start, n, 1), ones)
                .select(1, 0);
    }

    /**
     * Probability of each answer's first token, by which the ranking's first round goes.
     *
     * @return (questions, answers)
     */
    public Tensor firstTokenProbabilities(
            Tensor questionStates, Tensor questionMask, TokenRows answers) {
        long[] first = Arrays.stream(answers.ids()).mapToLong(row -> row[1]).toArray();
        Tensor logits = startLogits(questionStates, questionMask, answers.ids()[0][0]);
        return Functional.softmax(logits, -1).indexSelect(1, Tensor.of(first));
    }

    /**
     * The best of given answers: of the {@code k} with the most probable first tokens the one with
     * the smallest loss, as BLIP's {@code rank_answer} does it. Gradients should be off.
     *
     * @param questionStates from {@link #questionStates}
     * @param questionMask int64 (N, question tokens)
     * @param answers from {@link #answers}, one or more
     * @param k how many answers are looked at as a whole, at most {@link #RANKED} in BLIP
     * @return per question an index into the answers
     */
    public int[] rank(Tensor questionStates, Tensor questionMask, TokenRows answers, int k) {
        int questions = Math.toIntExact(questionStates.size(0));
        int n = answers.rows();
        int kept = Math.min(k, n);
        float[] first =
                firstTokenProbabilities(questionStates, questionMask, answers).toFloatArray();
        int[] best = new int[questions];
        for (int q = 0; q < questions; q++) {
            int row = q * n;
            int[] candidates =
                    IntStream.range(0, n)
                            .boxed()
                            .sorted(Comparator.comparingDouble(a -> -first[row + a]))
                            .limit(kept)
                            .mapToInt(Integer::intValue)
                            .toArray();
            float[] loss = losses(questionStates, questionMask, answers, q, candidates);
            int winner = 0;
            for (int i = 1; i < kept; i++) {
                winner = loss[i] < loss[winner] ? i : winner;
            }
            best[q] = candidates[winner];
        }
        return best;
    }

    private float[] losses(
            Tensor questionStates,
            Tensor questionMask,
            TokenRows answers,
            int question,
            int[] candidates) {
        int n = candidates.length;
        int[][] ids = new int[n][];
        int[][] mask = new int[n][];
        for (int i = 0; i < n; i++) {
            ids[i] = answers.ids()[candidates[i]];
            mask[i] = answers.mask()[candidates[i]];
        }
        return answerLoss(
                        questionStates.narrow(0, question, 1).repeatInterleave(n),
                        questionMask.narrow(0, question, 1).repeatInterleave(n),
                        Tensor.ofRows(ids),
                        Tensor.ofRows(mask))
                .toFloatArray();
    }
}
