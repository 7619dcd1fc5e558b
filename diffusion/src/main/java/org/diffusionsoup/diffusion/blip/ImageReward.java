package org.diffusionsoup.diffusion.blip;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.image.ImagePreprocessor;
import org.diffusionsoup.diffusion.image.PixelTensor;
import org.diffusionsoup.diffusion.image.PreprocessorConfig;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.image.Picture;

/**
 * ImageReward (Xu et al. 2023, THUDM/ImageReward): BLIP's image encoder, a BERT that reads the
 * prompt while it looks at the picture, and a head without activations on the BERT's {@code [CLS]}
 * row. Same parameter names as its checkpoint. There are no dropouts, in training neither.
 *
 * <p>Everything is differentiable, with respect to the parameters after {@link Parameters#train()}
 * and with respect to the pixels.
 */
public final class ImageReward {
    /** Tokens that a prompt is padded and cut to. */
    public static final int TOKENS = 35;

    /** Mean of the raw reward over the authors' validation pictures. */
    public static final double MEAN = 0.16717362830052426;

    /** Its standard deviation. */
    public static final double STD = 1.0333394966054072;

    /** Each layer's output width; the numbers between in the names were the dropouts' places. */
    private static final int[] HEAD_WIDTHS = {1024, 128, 64, 16, 1};

    private static final int[] HEAD_PLACES = {0, 2, 4, 6, 7};
    private static final int PUBLISHED_IMAGE_SIZE = 224;

    private final Parameters parameters;
    private final VitConfig vit;
    private final MedConfig med;
    private final VisionTransformer visualEncoder;
    private final MedBert textEncoder;
    private final List<Linear> head = new ArrayList<>();

    /** Builds the model and allocates its weights, uninitialised. */
    public ImageReward(VitConfig vit, MedConfig med) {
        this.vit = vit;
        this.med = med;
        Names root = Names.root();
        parameters = root.parameters();
        visualEncoder = new VisionTransformer(root.sub("blip.visual_encoder"), vit);
        textEncoder = new MedBert(root.sub("blip.text_encoder"), med, vit.width());
        Init init = new Init.Normal(1.0 / (med.hiddenSize() + 1));
        int in = med.hiddenSize();
        for (int i = 0; i < HEAD_WIDTHS.length; i++) {
            Names n = root.sub("mlp.layers", HEAD_PLACES[i]);
            head.add(new Linear(n, in, HEAD_WIDTHS[i], true, init, Init.ZERO));
            in = HEAD_WIDTHS[i];
        }
        parameters.allocate();
    }

    /**
     * A loaded model with what it needs to be used.
     *
     * @param model the network
     * @param tokenizer of its {@code vocab.txt}
     * @param weightsSha256 content hash of its weights, see {@link WeightsHash}
     */
    public record Loaded(ImageReward model, WordPieceTokenizer tokenizer, String weightsSha256) {}

    /**
     * Loads a checkpoint: {@code ImageReward.pt} as published, or safetensors with its tensors'
     * names. Beside it lie {@code vocab.txt} (bert-base-uncased's) and, unless the model is of the
     * published size, {@code med_config.json} and {@code vit_config.json}. The projections that
     * BLIP was pretrained with ({@code vision_proj}, {@code text_proj}) are not used and not
     * loaded.
     *
     * @param model the checkpoint, or a folder with exactly one
     * @throws org.diffusionsoup.core.SoupException if a file is missing or damaged
     * @throws org.diffusionsoup.diffusion.nn.UnsupportedConfigException if the weights do not fit
     *     the configs
     */
    public static Loaded load(Path model) {
        BlipFiles files = BlipFiles.of(model);
        MedConfig med = files.med();
        WordPieceTokenizer tokenizer = files.tokenizer(med);
        try (Checkpoint checkpoint = Checkpoint.open(files.weights())) {
            BlipKind.REWARD.refuseOther(checkpoint.part(""), model);
            ImageReward reward =
                    new ImageReward(files.vit(VitConfig.large(PUBLISHED_IMAGE_SIZE)), med);
            try {
                Weights.load(reward.parameters, checkpoint.part(""), ImageReward::ownName);
                return new Loaded(reward, tokenizer, WeightsHash.of(checkpoint.part("")));
            } catch (RuntimeException e) {
                reward.parameters.close();
                throw e;
            }
        }
    }

    private static String ownName(String stored) {
        return stored.startsWith("blip.vision_proj.") || stored.startsWith("blip.text_proj.")
                ? ""
                : stored;
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

    /** The published preprocessing: shorter side resized, centre cut out, then made RGB. */
    public ImagePreprocessor preprocessor() {
        return new ImagePreprocessor(
                PreprocessorConfig.clip(vit.imageSize()), ImagePreprocessor.Order.OPENAI);
    }

    /** Prompts as {@link #forward} takes them: {@value #TOKENS} tokens, {@code [CLS]} first. */
    public static TokenRows tokens(WordPieceTokenizer tokenizer, List<String> prompts) {
        return TokenRows.fixed(tokenizer, prompts, TOKENS);
    }

    /** Pictures as {@link #forward} takes them. */
    public PixelTensor pixels(List<Picture> pictures) {
        return preprocessor().preprocess(pictures);
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
     * Reads prompts while looking at pictures.
     *
     * @param imageEmbeds from {@link #imageEmbeds}, one row per prompt
     * @param ids int64 (N, tokens)
     * @param mask int64 (N, tokens), 0 for padding
     * @return (N, tokens, text width)
     */
    public Tensor textStates(Tensor imageEmbeds, Tensor ids, Tensor mask) {
        return textEncoder.forward(
                ids, AttentionMask.padding(mask), imageEmbeds, AttentionMask.all());
    }

    /**
     * Rewards of picture and prompt.
     *
     * @param pixels preprocessed pictures (N, 3, imageSize, imageSize)
     * @param ids int64 (N, tokens)
     * @param mask int64 (N, tokens), 0 for padding
     * @return (N, 1), normalised by {@link #MEAN} and {@link #STD}
     */
    public Tensor forward(Tensor pixels, Tensor ids, Tensor mask) {
        return reward(textStates(imageEmbeds(pixels), ids, mask));
    }

    /**
     * The head.
     *
     * @param textStates from {@link #textStates}
     * @return (N, 1), normalised by {@link #MEAN} and {@link #STD}
     */
    public Tensor reward(Tensor textStates) {
        Tensor x = textStates.select(1, 0);
        for (Linear layer : head) {
            x = layer.forward(x);
        }
        return x.add(-MEAN).div(STD);
    }
}
