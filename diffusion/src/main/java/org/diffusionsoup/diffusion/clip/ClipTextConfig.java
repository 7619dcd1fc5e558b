package org.diffusionsoup.diffusion.clip;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;

/**
 * Shape of a {@link ClipTextModel}, as transformers' {@code text_encoder/config.json} states it.
 *
 * @param vocabSize entries of the token table
 * @param hiddenSize width
 * @param intermediateSize width of the feed-forward
 * @param layers transformer layers
 * @param heads attention heads
 * @param maxPositions longest token sequence
 * @param activation of the feed-forward
 * @param layerNormEps epsilon of the layer normalisations
 * @param eosTokenId which token's row is pooled; the legacy value 2 means the row of the largest id
 * @param projectionDim width of the projected embedding where the model has a projection
 */
public record ClipTextConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int maxPositions,
        Activation activation,
        double layerNormEps,
        int eosTokenId,
        int projectionDim) {

    private static final String PROJECTED = "CLIPTextModelWithProjection";

    /**
     * @throws org.diffusionsoup.diffusion.nn.UnsupportedConfigException naming a field outside of
     *     its range: widths 1 to 16384 (the feed-forward's 65536), 1 to 256 layers, 1 to 65536
     *     positions, 1 to 2²² tokens, heads that divide the width
     */
    public ClipTextConfig {
        Ranges.check("vocab_size", vocabSize, 1, Ranges.VOCABULARY);
        Ranges.check("hidden_size", hiddenSize, 1, Ranges.WIDTH);
        Ranges.check("intermediate_size", intermediateSize, 1, 4L * Ranges.WIDTH);
        Ranges.check("num_hidden_layers", layers, 1, Ranges.LAYERS);
        Ranges.check("num_attention_heads", heads, 1, 1024);
        Ranges.divides("hidden_size", hiddenSize, "num_attention_heads", heads);
        Ranges.check("max_position_embeddings", maxPositions, 1, Ranges.TOKENS);
        Ranges.epsilon("layer_norm_eps", layerNormEps);
        Ranges.check("eos_token_id", eosTokenId, 0, Ranges.VOCABULARY);
        Ranges.check("projection_dim", projectionDim, 1, Ranges.WIDTH);
    }

    /** Reads a text encoder's config, or the {@code text_config} of a whole CLIP. */
    public static ClipTextConfig of(JsonConfig c) {
        return c.checked(() ->
                new ClipTextConfig(
                        c.integer("vocab_size", 49408),
                        c.integer("hidden_size", 512),
                        c.integer("intermediate_size", 2048),
                        c.integer("num_hidden_layers", 12),
                        c.integer("num_attention_heads", 8),
                        c.integer("max_position_embeddings", 77),
                        Activation.of(c.text("hidden_act", "quick_gelu")),
                        c.number("layer_norm_eps", 1e-5),
                        c.integer("eos_token_id", 2),
                        c.integer("projection_dim", 512)));
    }

    /**
     * Whether a text encoder has a projection: as its {@code architectures} says, and where that is
     * absent, if it is Stable Diffusion XL's {@code text_encoder_2}, whose class diffusers takes
     * from {@code model_index.json}.
     */
    public static boolean isProjected(JsonConfig c) {
        boolean second = Path.of(c.source()).endsWith("text_encoder_2/config.json");
        return c.texts("architectures", List.of(second ? PROJECTED : "")).contains(PROJECTED);
    }

    /** The config in transformers' format. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.putArray("architectures").add("CLIPTextModel");
        o.put("attention_dropout", 0.0);
        o.put("bos_token_id", 0);
        o.put("eos_token_id", eosTokenId);
        o.put("hidden_act", activation.configName());
        o.put("hidden_size", hiddenSize);
        o.put("initializer_factor", 1.0);
        o.put("initializer_range", 0.02);
        o.put("intermediate_size", intermediateSize);
        o.put("layer_norm_eps", layerNormEps);
        o.put("max_position_embeddings", maxPositions);
        o.put("model_type", "clip_text_model");
        o.put("num_attention_heads", heads);
        o.put("num_hidden_layers", layers);
        o.put("pad_token_id", 1);
        o.put("projection_dim", projectionDim);
        o.put("torch_dtype", "float32");
        o.put("vocab_size", vocabSize);
        return o;
    }

    /** The same shape projected to another width; a whole CLIP states that width outside. */
    public ClipTextConfig withProjectionDim(int dim) {
        return new ClipTextConfig(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                maxPositions,
                activation,
                layerNormEps,
                eosTokenId,
                dim);
    }

    /** The same shape with another number of token entries. */
    public ClipTextConfig withVocabSize(int size) {
        return new ClipTextConfig(
                size,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                maxPositions,
                activation,
                layerNormEps,
                eosTokenId,
                projectionDim);
    }

    /** The same shape for sequences of another length. */
    public ClipTextConfig withMaxPositions(int positions) {
        return new ClipTextConfig(
                vocabSize,
                hiddenSize,
                intermediateSize,
                layers,
                heads,
                positions,
                activation,
                layerNormEps,
                eosTokenId,
                projectionDim);
    }
}
