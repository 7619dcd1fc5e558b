package org.diffusionsoup.diffusion.clip;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Both towers and their projections into one space: transformers' {@code CLIPModel}. */
public final class ClipModel {
    /**
     * @param text the text tower's shape
     * @param vision the image tower's shape
     * @param projectionDim width of the shared space
     * @param logitScaleInit natural logarithm of the initial inverse temperature
     */
    public record Config(
            ClipTextConfig text,
            ClipVisionConfig vision,
            int projectionDim,
            double logitScaleInit) {
        /** Reads a CLIP folder's {@code config.json}. */
        public static Config of(JsonConfig c) {
            int projection = c.integer("projection_dim", 512);
            return c.checked(() ->
                    new Config(
                            ClipTextConfig.of(c.sub("text_config")).withProjectionDim(projection),
                            ClipVisionConfig.of(c.sub("vision_config")),
                            projection,
                            c.number("logit_scale_init_value", 2.6592)));
        }

        /** The config in transformers' format. */
        public ObjectNode toJson() {
            ObjectNode o = JsonConfig.object();
            o.putArray("architectures").add("CLIPModel");
            o.put("initializer_factor", 1.0);
            o.put("logit_scale_init_value", logitScaleInit);
            o.put("model_type", "clip");
            o.put("projection_dim", projectionDim);
            o.set("text_config", text.toJson());
            o.put("torch_dtype", "float32");
            ObjectNode v = vision.toJson();
            v.put("projection_dim", projectionDim);
            o.set("vision_config", v);
            return o;
        }
    }

    private final Config config;
    private final Parameters parameters;
    private final Parameter logitScale;
    private final ClipTextModel text;
    private final ClipVisionModel vision;
    private final Linear visualProjection;

    /** Builds both towers and allocates their weights, uninitialised. */
    public ClipModel(Config c) {
        config = c;
        Names root = Names.root();
        parameters = root.parameters();
        logitScale = root.parameter("logit_scale", new Init.Constant(c.logitScaleInit()));
        text = new ClipTextModel(c.text(), root, true);
        vision = new ClipVisionModel(c.vision(), root);
        visualProjection =
                new Linear(
                        root.sub("visual_projection"),
                        c.vision().hiddenSize(),
                        c.projectionDim(),
                        false,
                        new Init.Normal(Math.pow(c.vision().hiddenSize(), -0.5)),
                        Init.ZERO);
        parameters.allocate();
    }

    public Config config() {
        return config;
    }

    public Parameters parameters() {
        return parameters;
    }

    public ClipTextModel text() {
        return text;
    }

    public ClipVisionModel vision() {
        return vision;
    }

    /** Text features (N, projectionDim) of token ids (N, tokens), not normalised. */
    public Tensor textFeatures(Tensor ids) {
        return text.project(text.forward(ids));
    }

    /** Image features (N, projectionDim) of preprocessed pictures, not normalised. */
    public Tensor imageFeatures(Tensor pixels) {
        return visualProjection.forward(vision.forward(pixels).pooled());
    }

    /** Inverse temperature of the contrastive logits, exp(logit_scale). */
    public Tensor scale() {
        return logitScale.float32().exp();
    }

    /** Rows divided by their Euclidean norm. */
    public static Tensor normalise(Tensor features) {
        return features.div(features.norm2());
    }
}
