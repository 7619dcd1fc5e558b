package org.diffusionsoup.diffusion.blip;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Shape of a {@link VisionTransformer}, the fields of a {@code vit_config.json}.
 *
 * @param imageSize height and width of the pictures
 * @param patchSize height and width of a patch
 * @param width of the tokens
 * @param depth transformer blocks
 * @param heads attention heads
 * @param mlpRatio width of the feed-forward over the tokens' width
 * @param layerNormEps epsilon of the layer normalisations
 */
public record VitConfig(
        int imageSize,
        int patchSize,
        int width,
        int depth,
        int heads,
        double mlpRatio,
        double layerNormEps) {

    private static final double EPS = 1e-6;

    /**
     * @throws UnsupportedConfigException if patches do not tile the picture or heads the width, or
     *     a field lies outside of its range: pictures of at most 8192 pixels and 65536 patches,
     *     widths 1 to 16384, 1 to 256 blocks, a ratio of 1/16 to 16
     */
    public VitConfig {
        Ranges.check("image_size", imageSize, 1, Ranges.SIDE);
        Ranges.check("width", width, 1, Ranges.WIDTH);
        Ranges.check("depth", depth, 1, Ranges.LAYERS);
        Ranges.check("mlp_ratio", mlpRatio, 1 / 16.0, 16);
        Ranges.epsilon("layer_norm_eps", layerNormEps);
        if (patchSize < 1 || imageSize < patchSize || imageSize % patchSize != 0) {
            throw new UnsupportedConfigException(
                    "patches of %d pixels do not tile pictures of %d (vit_config.json)"
                            .formatted(patchSize, imageSize));
        }
        long side = imageSize / patchSize;
        Ranges.check("the square of image_size / patch_size", side * side, 1, Ranges.TOKENS);
        if (heads < 1 || width < heads || width % heads != 0) {
            throw new UnsupportedConfigException(
                    "%d attention heads do not divide a width of %d (vit_config.json)"
                            .formatted(heads, width));
        }
    }

    /** The ViT-B/16 of BLIP's base models. */
    public static VitConfig base(int imageSize) {
        return new VitConfig(imageSize, 16, 768, 12, 12, 4, EPS);
    }

    /** The ViT-L/16 of BLIP's large models and of ImageReward. */
    public static VitConfig large(int imageSize) {
        return new VitConfig(imageSize, 16, 1024, 24, 16, 4, EPS);
    }

    /** Reads a config, with ViT-B/16 at 224 pixels where it says nothing. */
    public static VitConfig of(JsonConfig c) {
        c.only("qkv_bias", true);
        return c.checked(() ->
                new VitConfig(
                        c.integer("img_size", 224),
                        c.integer("patch_size", 16),
                        c.integer("embed_dim", 768),
                        c.integer("depth", 12),
                        c.integer("num_heads", 12),
                        c.number("mlp_ratio", 4),
                        c.number("layer_norm_eps", EPS)));
    }

    /**
     * Reads the {@code vision_config} of transformers' BLIP, with its defaults where it says
     * nothing.
     */
    static VitConfig ofTransformers(JsonConfig c) {
        c.only("hidden_act", "gelu");
        int width = c.integer("hidden_size", 768);
        return c.checked(() ->
                new VitConfig(
                        c.integer("image_size", 384),
                        c.integer("patch_size", 16),
                        width,
                        c.integer("num_hidden_layers", 12),
                        c.integer("num_attention_heads", 12),
                        c.integer("intermediate_size", 3072) / (double) width,
                        c.number("layer_norm_eps", 1e-5)));
    }

    /** The config in the format that {@link #of} reads. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.put("img_size", imageSize);
        o.put("patch_size", patchSize);
        o.put("embed_dim", width);
        o.put("depth", depth);
        o.put("num_heads", heads);
        o.put("mlp_ratio", mlpRatio);
        o.put("qkv_bias", true);
        o.put("layer_norm_eps", layerNormEps);
        return o;
    }

    /** Tokens per picture: one per patch and the class token. */
    public int tokens() {
        int side = imageSize / patchSize;
        return side * side + 1;
    }
}
