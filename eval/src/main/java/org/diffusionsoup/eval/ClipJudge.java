package org.diffusionsoup.eval;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.image.ImagePreprocessor;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.model.TokenizerFit;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.text.TextReading;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;

/**
 * CLIP score: how well a picture goes with a caption, as the cosine between their CLIP embeddings
 * (Diffusion Soup paper, section 4; Hessel et al. 2021).
 *
 * <p>Pictures are preprocessed as transformers' {@code CLIPImageProcessor} does it. Captions longer
 * than the text tower's window are cut with the end token kept; {@link #isCut} tells which. Not for
 * use by several threads at once.
 */
public final class ClipJudge implements PictureScorer {
    /** Pictures or captions per forward pass. */
    private static final int BATCH = 64;

    private final ClipModel clip;
    private final ClipTokenizer tokenizer;
    private final ImagePreprocessor preprocessor;
    private final ClipConvention convention;
    private final Judge judge;
    private final int tokens;

    private ClipJudge(Path folder, ClipModel clip, String hash, ClipConvention convention) {
        this.clip = clip;
        this.convention = convention;
        tokenizer = ClipTokenizer.load(folder);
        TokenizerFit.requireRows(folder, tokenizer, folder, clip.config().text().vocabSize());
        preprocessor = ImagePreprocessor.load(folder, ImagePreprocessor.Order.HUGGING_FACE);
        tokens = Math.min(tokenizer.modelMaxLength(), clip.config().text().maxPositions());
        judge =
                new Judge(
                        "CLIP " + Folders.name(folder),
                        hash,
                        "%s, captions cut to %s tokens"
                                .formatted(convention.description(), Integer.toString(tokens)));
    }

    /**
     * Loads a CLIP in transformers' layout.
     *
     * @param folder holds {@code config.json}, {@code model.safetensors} (or {@code
     *     pytorch_model.bin}), {@code preprocessor_config.json} and the tokenizer's files
     * @param convention scale of the scores
     * @throws EvalException if the folder is of another kind
     * @throws org.diffusionsoup.diffusion.nn.UnsupportedConfigException if {@code config.json} is
     *     missing or the weights do not fit it
     * @throws org.diffusionsoup.diffusion.text.TokenizerException if the tokenizer is missing
     * @throws org.diffusionsoup.image.ImageException if the preprocessing is missing
     */
    public static ClipJudge load(Path folder, ClipConvention convention) {
        FolderKind.of(folder)
                .filter(kind -> kind != FolderKind.CLIP)
                .ifPresent(kind -> {
                    throw new EvalException(
                            "%s is %s, not a CLIP in transformers' layout, as models/emoji-clip is"
                                    .formatted(folder, kind.words()));
                });
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        ClipModel clip = config.checked(() -> new ClipModel(ClipModel.Config.of(config)));
        try (Checkpoint weights = Checkpoint.open(weights(folder))) {
            Weights.load(clip.parameters(), weights.part(""), name -> name);
            return new ClipJudge(folder, clip, WeightsHash.of(weights.part("")), convention);
        } catch (RuntimeException e) {
            clip.parameters().close();
            throw e;
        }
    }

    private static Path weights(Path folder) {
        Path old = folder.resolve("pytorch_model.bin");
        Path safe = folder.resolve("model.safetensors");
        return Files.exists(old) && !Files.exists(safe) ? old : safe;
    }

    @Override
    public Judge judge() {
        return judge;
    }

    /** Numbers in an embedding. */
    int width() {
        return clip.config().projectionDim();
    }

    @Override
    public Optional<TextReading> reading(String caption) {
        return Optional.of(tokenizer.reading(caption, tokens));
    }

    /**
     * Unit embeddings of captions.
     *
     * @return [captions][projection width]
     */
    public double[][] embedTexts(List<String> captions) {
        List<double[]> rows = new ArrayList<>();
        for (int from = 0; from < captions.size(); from += BATCH) {
            List<String> part = captions.subList(from, Math.min(from + BATCH, captions.size()));
            int[][] ids = part.stream().map(c -> tokenizer.encode(c, tokens)).toArray(int[][]::new);
            try (Torch.Guard off = Torch.gradients(false);
                    Scope scope = Scope.open()) {
                addUnitRows(clip.textFeatures(Tensor.ofRows(ids)), rows);
            }
        }
        return rows.toArray(double[][]::new);
    }

    /**
     * Unit embeddings of pictures.
     *
     * @param pictures of any size and mode
     * @return [pictures][projection width]
     */
    public double[][] embedPictures(List<Picture> pictures) {
        List<double[]> rows = new ArrayList<>();
        for (int from = 0; from < pictures.size(); from += BATCH) {
            List<Picture> part = pictures.subList(from, Math.min(from + BATCH, pictures.size()));
            embed(preprocessor.preprocess(part), rows);
        }
        return rows.toArray(double[][]::new);
    }

    /** Adds the unit embeddings of pixels that are normalised already. */
    void embed(PixelTensor pixels, List<double[]> rows) {
        try (Torch.Guard off = Torch.gradients(false);
                Scope scope = Scope.open()) {
            addUnitRows(clip.imageFeatures(Tensor.of(pixels.values(), pixels.shape())), rows);
        }
    }

    /**
     * Raw cosines of every picture with every caption, whatever the judge's convention: what {@link
     * Retrieval} ranks.
     *
     * @return [pictures][captions]
     */
    public double[][] cosines(List<Picture> pictures, List<String> captions) {
        return cosines(embedPictures(pictures), embedTexts(captions));
    }

    static double[][] cosines(double[][] images, double[][] texts) {
        double[][] out = new double[images.length][texts.length];
        for (int i = 0; i < images.length; i++) {
            for (int j = 0; j < texts.length; j++) {
                out[i][j] = dot(images[i], texts[j]);
            }
        }
        return out;
    }

    /**
     * Scores of pictures, each with its own caption.
     *
     * @return one score per picture, in the judge's convention
     * @throws EvalException if there are not as many captions as pictures
     */
    @Override
    public double[] score(List<Picture> pictures, List<String> captions) {
        PictureScorer.requirePaired(pictures, captions);
        double[][] images = embedPictures(pictures);
        double[][] texts = embedTexts(captions);
        return IntStream.range(0, images.length)
                .mapToDouble(i -> convention.apply(dot(images[i], texts[i])))
                .toArray();
    }

    /**
     * Scores one model's pictures of prompts.
     *
     * @param model the model's name
     * @param prompts one or more
     * @param pictures one list per prompt, with one picture per seed, all equally long
     * @throws EvalException if the numbers of prompts, lists or pictures do not agree
     */
    @Override
    public ScoreSet score(String model, List<String> prompts, List<List<Picture>> pictures) {
        if (prompts.size() != pictures.size()) {
            throw new EvalException(
                    "The pictures of '%s' are for %d prompts, but %d prompts are given."
                            .formatted(model, pictures.size(), prompts.size()));
        }
        double[][] texts = embedTexts(prompts);
        double[][] images = embedPictures(pictures.stream().flatMap(List::stream).toList());
        double[][] values = new double[prompts.size()][];
        int next = 0;
        for (int p = 0; p < values.length; p++) {
            values[p] = new double[pictures.get(p).size()];
            for (int s = 0; s < values[p].length; s++) {
                values[p][s] = convention.apply(dot(images[next++], texts[p]));
            }
        }
        return ScoreSet.of(model, judge, prompts, values);
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /**
     * Divides in double precision, so that a vector's cosine with itself is 1 to the last digits.
     */
    private static void addUnitRows(Tensor features, List<double[]> rows) {
        float[] flat = features.toFloatArray();
        int width = Math.toIntExact(features.size(1));
        for (int from = 0; from < flat.length; from += width) {
            double[] row = new double[width];
            for (int i = 0; i < width; i++) {
                row[i] = flat[from + i];
            }
            double norm = Math.sqrt(dot(row, row));
            if (!Double.isFinite(norm) || norm == 0) {
                throw new EvalException(
                        "The CLIP gives an embedding of length %s; its weights are damaged or not"
                                        .formatted(norm)
                                + " trained.");
            }
            for (int i = 0; i < width; i++) {
                row[i] /= norm;
            }
            rows.add(row);
        }
    }

    /** Frees the weights. */
    @Override
    public void close() {
        clip.parameters().close();
    }
}
