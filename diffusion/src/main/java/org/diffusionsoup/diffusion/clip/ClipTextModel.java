package org.diffusionsoup.diffusion.clip;

import java.util.List;
import org.diffusionsoup.diffusion.nn.Embedding;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * CLIP's text tower: transformers' {@code CLIPTextModel}, or {@code CLIPTextModelWithProjection}
 * when it has a projection; same parameter names.
 */
public final class ClipTextModel {
    private final ClipTextConfig config;
    private final Parameters parameters;
    private final Embedding tokens;
    private final Embedding positions;
    private final ClipEncoder encoder;
    private final LayerNorm finalNorm;
    private final @Nullable Linear projection;

    /**
     * Builds a text encoder and allocates its weights, uninitialised.
     *
     * @param projected whether it has a {@code text_projection} (SDXL's second encoder)
     */
    public ClipTextModel(ClipTextConfig c, boolean projected) {
        this(c, projected, WeightFormat.F32);
    }

    /** The same with weights held in another format than float32. */
    public ClipTextModel(ClipTextConfig c, boolean projected, WeightFormat weights) {
        this(c, Names.root(), projected);
        parameters.allocate(weights);
    }

    /** The names and shapes of its weights, for which no memory is taken. */
    public static Parameters declared(ClipTextConfig c, boolean projected) {
        return new ClipTextModel(c, Names.root(), projected).parameters;
    }

    /** Builds the tower inside another model, which allocates. */
    ClipTextModel(ClipTextConfig c, Names root, boolean projected) {
        config = c;
        parameters = root.parameters();
        Names t = root.sub("text_model");
        Names e = t.sub("embeddings");
        tokens =
                new Embedding(
                        e.sub("token_embedding"),
                        c.vocabSize(),
                        c.hiddenSize(),
                        new Init.Normal(0.02));
        positions =
                new Embedding(
                        e.sub("position_embedding"),
                        c.maxPositions(),
                        c.hiddenSize(),
                        new Init.Normal(0.02));
        encoder =
                new ClipEncoder(
                        t.sub("encoder"),
                        c.hiddenSize(),
                        c.intermediateSize(),
                        c.layers(),
                        c.heads(),
                        c.activation(),
                        c.layerNormEps(),
                        true);
        finalNorm = new LayerNorm(t.sub("final_layer_norm"), c.hiddenSize(), c.layerNormEps());
        projection =
                projected
                        ? new Linear(
                                root.sub("text_projection"),
                                c.hiddenSize(),
                                c.projectionDim(),
                                false,
                                new Init.Normal(Math.pow(c.hiddenSize(), -0.5)),
                                Init.ZERO)
                        : null;
    }

    public ClipTextConfig config() {
        return config;
    }

    public Parameters parameters() {
        return parameters;
    }

    /**
     * Everything the tower computes.
     *
     * @param lastHiddenState after the final layer norm, (N, tokens, width)
     * @param hiddenStates the embeddings and each layer's output, without the final norm
     * @param pooled the end-of-text row of the last hidden state, (N, width)
     */
    public record Output(Tensor lastHiddenState, List<Tensor> hiddenStates, Tensor pooled) {}

    /**
     * @param ids token ids, int64 (N, tokens)
     */
    public Output forward(Tensor ids) {
        long n = ids.size(0);
        long length = ids.size(1);
        Tensor x = tokens.forward(ids).add(positions.forward(Tensor.arange(length)));
        List<Tensor> states = encoder.forward(x);
        Tensor last = finalNorm.forward(states.getLast());
        // One row per text: flatten and pick by index.
        long[] rows = pooledRows(ids);
        for (int i = 0; i < rows.length; i++) {
            rows[i] += i * length;
        }
        Tensor pooled = last.reshape(n * length, -1).indexSelect(0, Tensor.of(rows));
        return new Output(last, states, pooled);
    }

    /**
     * Hidden state of the layer {@code skip} before the last one, after the final norm ("clip
     * skip"; 0 is the last hidden state itself).
     */
    public Tensor clipSkip(Output output, int skip) {
        List<Tensor> s = output.hiddenStates();
        return skip == 0 ? output.lastHiddenState() : finalNorm.forward(s.get(s.size() - 1 - skip));
    }

    /** Projected text embeddings (N, projectionDim), not normalised. */
    public Tensor project(Output output) {
        if (projection == null) {
            throw new IllegalStateException("this text encoder has no projection");
        }
        return projection.forward(output.pooled());
    }

    private long[] pooledRows(Tensor ids) {
        long[] flat = ids.toLongArray();
        int n = (int) ids.size(0);
        int length = (int) ids.size(1);
        long[] rows = new long[n];
        for (int i = 0; i < n; i++) {
            int best = 0;
            for (int j = 0; j < length; j++) {
                long id = flat[i * length + j];
                if (config.eosTokenId() == 2) {
                    best = id > flat[i * length + best] ? j : best;
                } else if (id == config.eosTokenId()) {
                    best = j;
                    break;
                }
            }
            rows[i] = best;
        }
        return rows;
    }
}
