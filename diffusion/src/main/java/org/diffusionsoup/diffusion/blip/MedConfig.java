package org.diffusionsoup.diffusion.blip;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Ranges;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Shape of a {@link MedBert}, the fields of BLIP's {@code med_config.json}. The width of what it
 * looks at is no part of it: as in BLIP, it is the image encoder's for a text encoder and the
 * text's own for an answer decoder.
 *
 * @param vocabSize entries of the token table
 * @param hiddenSize width
 * @param intermediateSize width of the feed-forward
 * @param layers transformer layers
 * @param heads attention heads
 * @param maxPositions longest token sequence
 * @param activation of the feed-forward
 * @param layerNormEps epsilon of the layer normalisations
 */
public record MedConfig(
        int vocabSize,
        int hiddenSize,
        int intermediateSize,
        int layers,
        int heads,
        int maxPositions,
        Activation activation,
        double layerNormEps) {

    private static final double EPS = 1e-12;

    /**
     * @throws UnsupportedConfigException if the heads do not divide the width, or a field lies
     *     outside of its range: widths 1 to 16384 (the feed-forward's 65536), 1 to 256 layers, 1 to
     *     65536 positions, 1 to 2²² tokens
     */
    public MedConfig {
        Ranges.check("vocab_size", vocabSize, 1, Ranges.VOCABULARY);
        Ranges.check("hidden_size", hiddenSize, 1, Ranges.WIDTH);
        Ranges.check("intermediate_size", intermediateSize, 1, 4L * Ranges.WIDTH);
        Ranges.check("num_hidden_layers", layers, 1, Ranges.LAYERS);
        Ranges.check("max_position_embeddings", maxPositions, 1, Ranges.TOKENS);
        Ranges.epsilon("layer_norm_eps", layerNormEps);
        if (heads < 1 || hiddenSize < heads || hiddenSize % heads != 0) {
            throw new UnsupportedConfigException(
                    "%d attention heads do not divide a width of %d (med_config.json)"
                            .formatted(heads, hiddenSize));
        }
    }

    /** BERT base with the two tokens that BLIP adds: what every published BLIP has. */
    public static MedConfig bertBase() {
        return new MedConfig(30524, 768, 3072, 12, 12, 512, Activation.GELU, EPS);
    }

    /** Reads a config, with {@link #bertBase()} where it says nothing. */
    public static MedConfig of(JsonConfig c) {
        c.only("model_type", "bert");
        c.only("position_embedding_type", "absolute");
        c.only("add_cross_attention", true);
        return of(c, 12);
    }

    /**
     * Reads the {@code text_config} of transformers' BLIP, with its defaults where it says nothing.
     */
    static MedConfig ofTransformers(JsonConfig c) {
        return of(c, 8);
    }

    /** Both name their fields alike; of the defaults, only the heads differ. */
    private static MedConfig of(JsonConfig c, int heads) {
        return c.checked(() ->
                new MedConfig(
                        c.integer("vocab_size", 30524),
                        c.integer("hidden_size", 768),
                        c.integer("intermediate_size", 3072),
                        c.integer("num_hidden_layers", 12),
                        c.integer("num_attention_heads", heads),
                        c.integer("max_position_embeddings", 512),
                        Activation.of(c.text("hidden_act", "gelu")),
                        c.number("layer_norm_eps", EPS)));
    }

    /** The config in BLIP's format. */
    public ObjectNode toJson() {
        ObjectNode o = JsonConfig.object();
        o.putArray("architectures").add("BertModel");
        o.put("attention_probs_dropout_prob", 0.0);
        o.put("hidden_act", activation.configName());
        o.put("hidden_dropout_prob", 0.0);
        o.put("hidden_size", hiddenSize);
        o.put("initializer_range", 0.02);
        o.put("intermediate_size", intermediateSize);
        o.put("layer_norm_eps", layerNormEps);
        o.put("max_position_embeddings", maxPositions);
        o.put("model_type", "bert");
        o.put("num_attention_heads", heads);
        o.put("num_hidden_layers", layers);
        o.put("pad_token_id", 0);
        o.put("type_vocab_size", 2);
        o.put("vocab_size", vocabSize);
        o.put("encoder_width", hiddenSize);
        o.put("add_cross_attention", true);
        return o;
    }
}
