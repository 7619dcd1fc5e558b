package org.diffusionsoup.diffusion.blip;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tensor names of transformers' {@code BlipForQuestionAnswering} as BLIP's own checkpoints have
 * them. Only the image encoder is named differently.
 */
final class TransformersNames {
    private static final String VISION = "vision_model.";
    private static final String OWN = "visual_encoder.";

    private static final Pattern LAYER = Pattern.compile("encoder\\.layers\\.(\\d+)\\.(.+)");

    /** Start of a name after the layer's, and what BLIP calls it. */
    private static final List<List<String>> IN_LAYER =
            List.of(
                    List.of("self_attn.qkv", "attn.qkv"),
                    List.of("self_attn.projection", "attn.proj"),
                    List.of("layer_norm1", "norm1"),
                    List.of("layer_norm2", "norm2"),
                    List.of("mlp.", "mlp."));

    private static final List<List<String>> OUTSIDE =
            List.of(
                    List.of("embeddings.class_embedding", "cls_token"),
                    List.of("embeddings.position_embedding", "pos_embed"),
                    List.of("embeddings.patch_embedding", "patch_embed.proj"),
                    List.of("post_layernorm", "norm"));

    private TransformersNames() {}

    /** BLIP's name; names that both have, or neither, come back as they are. */
    static String own(String name) {
        if (!name.startsWith(VISION)) {
            return name;
        }
        String rest = name.substring(VISION.length());
        Matcher layer = LAYER.matcher(rest);
        if (!layer.matches()) {
            return renamed(OUTSIDE, rest, OWN, name);
        }
        return renamed(IN_LAYER, layer.group(2), OWN + "blocks." + layer.group(1) + ".", name);
    }

    private static String renamed(
            List<List<String>> pairs, String rest, String before, String otherwise) {
        for (List<String> pair : pairs) {
            if (rest.startsWith(pair.getFirst())) {
                return before + pair.getLast() + rest.substring(pair.getFirst().length());
            }
        }
        return otherwise;
    }
}
