package org.diffusionsoup.core.convert;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of a text encoder as OpenCLIP stores it, without its prefix, against those of Hugging
 * Face's CLIPTextModel. Queries, keys and values are one tensor there, three here.
 */
final class OpenClipNames {
    private static final Renames LAYER =
            Renames.of(
                    "ln_1", "layer_norm1",
                    "ln_2", "layer_norm2",
                    "mlp.c_fc", "mlp.fc1",
                    "mlp.c_proj", "mlp.fc2",
                    "attn.out_proj", "self_attn.out_proj");
    private static final Renames ENDS =
            Renames.of(
                    "token_embedding", "text_model.embeddings.token_embedding",
                    "ln_final", "text_model.final_layer_norm");
    private static final String POSITION = "text_model.embeddings.position_embedding.weight";
    private static final Pattern ORIGINAL =
            Pattern.compile("transformer\\.resblocks\\.(\\d{1,3})\\.(.+)");
    private static final Pattern DIFFUSERS =
            Pattern.compile("text_model\\.encoder\\.layers\\.(\\d{1,3})\\.(.+)");
    private static final Pattern FUSED = Pattern.compile("attn\\.in_proj_(weight|bias)");
    private static final Pattern SPLIT =
            Pattern.compile("self_attn\\.([qkv])_proj\\.(weight|bias)");

    private OpenClipNames() {}

    /** The tensor's layer, -1 if it is in none. */
    static int layer(String original) {
        Matcher m = ORIGINAL.matcher(original);
        return m.matches() ? Integer.parseInt(m.group(1)) : -1;
    }

    /** The diffusers name of everything but the fused tensors and the projection. */
    static Optional<String> toDiffusers(String original) {
        if (original.equals("positional_embedding")) {
            return Optional.of(POSITION);
        }
        Matcher m = ORIGINAL.matcher(original);
        return m.matches()
                ? LAYER.toDiffusers(m.group(2))
                        .map(l -> "text_model.encoder.layers." + m.group(1) + "." + l)
                : ENDS.toDiffusers(original);
    }

    /**
     * The diffusers name of the queries in a fused tensor, empty if it is none; those of keys and
     * values have {@code k} and {@code v} in its place, see {@link #split}.
     */
    static Optional<String> queries(String original) {
        Matcher m = ORIGINAL.matcher(original);
        if (!m.matches()) {
            return Optional.empty();
        }
        Matcher fused = FUSED.matcher(m.group(2));
        return fused.matches()
                ? Optional.of(
                        "text_model.encoder.layers."
                                + m.group(1)
                                + ".self_attn.q_proj."
                                + fused.group(1))
                : Optional.empty();
    }

    /** One of the three tensors beside the queries. */
    static String split(String queries, char which) {
        return queries.replace(".q_proj.", "." + which + "_proj.");
    }

    /** The original name; empty for what is fused ({@link #fused}) and what it does not have. */
    static Optional<String> toOriginal(String name) {
        if (name.equals(POSITION)) {
            return Optional.of("positional_embedding");
        }
        Matcher m = DIFFUSERS.matcher(name);
        return m.matches()
                ? LAYER.toOriginal(m.group(2))
                        .map(l -> "transformer.resblocks." + m.group(1) + "." + l)
                : ENDS.toOriginal(name);
    }

    /** The fused tensor that this one of queries, keys or values lies in. */
    static Optional<String> fused(String name) {
        Matcher m = DIFFUSERS.matcher(name);
        if (!m.matches()) {
            return Optional.empty();
        }
        Matcher split = SPLIT.matcher(m.group(2));
        return split.matches()
                ? Optional.of(
                        "transformer.resblocks." + m.group(1) + ".attn.in_proj_" + split.group(2))
                : Optional.empty();
    }
}
