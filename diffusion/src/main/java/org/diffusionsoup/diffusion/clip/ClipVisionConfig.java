package org.diffusionsoup.diffusion.clip;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;

/**
 * Shape of a {@link ClipVisionModel}, as the {@code vision_config} of a CLIP states it.
 *
 * @param imageSize height and width of the pictures
 * @param patchSize height and width of a patch
 * @param hiddenSize width
 * @param intermediateSize width of the feed-forward
 * @param layers transformer layers
 * @param heads attention heads
 * @param activation of the feed-forward
 * @param layerNormEps epsilon of the layer normalisations
 */
public record ClipVisionConfig(
        int imageSize,
        int patchSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        Activation activation,
        double layerNormEps) {

    /**
     * @throws org.diffusionsoup.diffusion.nn.UnsupportedConfigException naming a field outside of
     *     its range: pictures of at most 8192 pixels and 65536 patches, widths 1 to 16384 (the
     *     feed-forward's 65536), 1 to 256 layers, heads that divide the width
     */
    public ClipVisionConfig {
        Ranges.check("image_size", imageSize, 1, Ranges.SIDE);
        Ranges.check("patch_size", patchSize, 1, imageSize);
        long side = imageSize / patchSize;
        Ranges.check("the square of image_size / patch_size", side * side, 1, Ranges.TOKENS);
        Ranges.check("hidden_size", hiddenSize, 1, Ranges.WIDTH);
        Ranges.check("intermediate_size", intermediateSize, 1, 4L * Ranges.WIDTH);
        Ranges.check("num_hidden_layers", layers, 1, Ranges.LAYERS);
        Ranges.check("num_attention_heads", heads, 1, 1024);
        Ranges.divides("hidden_size", hiddenSize, "num_attention_heads", heads);
        Ranges.epsilon("layer_norm_eps", layerNormEps);
    }

    /** Reads the {@code vision_config} of a CLIP. */
    public static ClipVisionConfig of(JsonConfig c) {
        c.only("num_channels", 3);
        return c.checked(() ->
                new ClipVisionConfig(
                        c.integer("image_size", 224),
                        c.integer("patch_size", 32),
                        c.integer("hidden_size", 768),
                        c.integer("intermediate_size", 3072),
                        c.integer("num_hidden_layers", 12),
                        c.integer("num_attention_heads", 12),
                        Activation.of(c.text("hidden_act", "quick_gelu")),
                        c.number("layer_norm_eps", 1e-5)));
    }

    /** The config in transformers' format. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.put("hidden_act", activation.configName());
        o.put("hidden_size", hiddenSize);
        o.put("image_size", imageSize);
        o.put("intermediate_size", intermediateSize);
        o.put("layer_norm_eps", layerNormEps);
        o.put("model_type", "clip_vision_model");
        o.put("num_attention_heads", heads);
        o.put("num_channels", 3);
        o.put("num_hidden_layers", layers);
        o.put("patch_size", patchSize);
        return o;
    }
}
