package org.diffusionsoup.diffusion.clip;

import java.util.List;
import org.diffusionsoup.diffusion.nn.Conv2d;
import org.diffusionsoup.diffusion.nn.Embedding;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.torch.Tensor;

/** CLIP's image tower, a vision transformer, with transformers' parameter names. */
public final class ClipVisionModel {
    private final ClipVisionConfig config;
    private final Parameter classEmbedding;
    private final Conv2d patches;
    private final Embedding positions;
    private final LayerNorm preNorm;
    private final ClipEncoder encoder;
    private final LayerNorm postNorm;

    ClipVisionModel(ClipVisionConfig c, Names root) {
        config = c;
        Names v = root.sub("vision_model");
        Names e = v.sub("embeddings");
        int side = c.imageSize() / c.patchSize();
        classEmbedding =
                e.parameter(
                        "class_embedding",
                        new Init.Normal(Math.pow(c.hiddenSize(), -0.5)),
                        c.hiddenSize());
        int p = c.patchSize();
        patches = new Conv2d(e.sub("patch_embedding"), 3, c.hiddenSize(), p, p, 0, false);
        positions =
                new Embedding(
                        e.sub("position_embedding"),
                        (long) side * side + 1,
                        c.hiddenSize(),
                        new Init.Normal(0.02));
        // The reference's name carries this misspelling.
        preNorm = new LayerNorm(v.sub("pre_layrnorm"), c.hiddenSize(), c.layerNormEps());
        encoder =
                new ClipEncoder(
                        v.sub("encoder"),
                        c.hiddenSize(),
                        c.intermediateSize(),
                        c.layers(),
                        c.heads(),
                        c.activation(),
                        c.layerNormEps(),
                        false);
        postNorm = new LayerNorm(v.sub("post_layernorm"), c.hiddenSize(), c.layerNormEps());
    }

    public ClipVisionConfig config() {
        return config;
    }

    /**
     * @param lastHiddenState (N, patches + 1, width), the class token first, not normalised
     * @param pooled the class token after the last norm, (N, width)
     */
    public record Output(Tensor lastHiddenState, Tensor pooled) {}

    /**
     * @param pixels preprocessed pictures (N, 3, imageSize, imageSize)
     */
    public Output forward(Tensor pixels) {
        long n = pixels.size(0);
        long width = config.hiddenSize();
        // (N, width, side, side) to (N, side*side, width)
        Tensor p = patches.forward(pixels.channelsLast()).permute(0, 2, 3, 1).reshape(n, -1, width);
        Tensor cls = classEmbedding.float32().reshape(1, 1, width).expand(n, 1, width);
        Tensor x = Tensor.cat(List.of(cls, p), 1).add(positions.table());
        Tensor last = encoder.forward(preNorm.forward(x)).getLast();
        return new Output(last, postNorm.forward(last.select(1, 0)));
    }
}
