package org.diffusionsoup.diffusion.blip;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Embedding;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.TorchException;

/**
 * BERT with cross-attention after every self-attention: salesforce/BLIP's {@code BertModel} of
 * {@code med.py} without pooler, same parameter names. There are no dropouts.
 */
final class MedBert {
    static final Init NORMAL = new Init.Normal(0.02);

    private final MedConfig config;
    private final Embedding words;
    private final Embedding positions;
    private final LayerNorm norm;
    private final List<Layer> layers = new ArrayList<>();

    /**
     * @param encoderWidth width of what it looks at
     */
    MedBert(Names names, MedConfig c, int encoderWidth) {
        config = c;
        Names e = names.sub("embeddings");
        int width = c.hiddenSize();
        words = new Embedding(e.sub("word_embeddings"), c.vocabSize(), width, NORMAL);
        positions = new Embedding(e.sub("position_embeddings"), c.maxPositions(), width, NORMAL);
        norm = new LayerNorm(e.sub("LayerNorm"), width, c.layerNormEps());
        for (int i = 0; i < c.layers(); i++) {
            layers.add(new Layer(names.sub("encoder").sub("layer", i), c, encoderWidth));
        }
    }

    static Linear linear(Names names, int in, int out) {
        return new Linear(names, in, out, true, NORMAL, Init.ZERO);
    }

    /** The token table (vocabulary, width), which a tied output layer shares. */
    Tensor wordTable() {
        return words.table();
    }

    /**
     * Reads texts while looking at something.
     *
     * @param ids int64 token ids (N, length)
     * @param mask what each token sees of the text, from {@link AttentionMask}
     * @param encoderStates what is looked at (N, length there, encoderWidth)
     * @param encoderMask what is seen of it, from {@link AttentionMask}
     * @return (N, length, width)
     */
    Tensor forward(
            Tensor ids, AttentionMask mask, Tensor encoderStates, AttentionMask encoderMask) {
        long length = ids.size(1);
        if (length > config.maxPositions()) {
            throw new TorchException(
                    "a text of %d tokens is longer than the %d that the text encoder takes"
                            .formatted(length, config.maxPositions()));
        }
        Tensor x = words.forward(ids).add(positions.table().narrow(0, 0, length));
        x = norm.forward(x);
        for (Layer layer : layers) {
            x = layer.forward(x, mask, encoderStates, encoderMask);
        }
        return x;
    }

    private static final class Layer {
        private final Names names;
        private final MedAttention self;
        private final MedAttention cross;
        private final Linear intermediate;
        private final Linear output;
        private final LayerNorm norm;
        private final MedConfig config;

        Layer(Names names, MedConfig c, int encoderWidth) {
            this.names = names;
            config = c;
            int width = c.hiddenSize();
            self = new MedAttention(names.sub("attention"), c, width);
            cross = new MedAttention(names.sub("crossattention"), c, encoderWidth);
            intermediate = linear(names.sub("intermediate.dense"), width, c.intermediateSize());
            output = linear(names.sub("output.dense"), c.intermediateSize(), width);
            norm = new LayerNorm(names.sub("output.LayerNorm"), width, c.layerNormEps());
        }

        Tensor forward(
                Tensor x, AttentionMask mask, Tensor encoderStates, AttentionMask encoderMask) {
            x = self.forward(x, x, mask);
            x = cross.forward(x, encoderStates, encoderMask);
            Tensor y = output.forward(config.activation().apply(intermediate.forward(x)));
            return names.tap(norm.forward(y.add(x)));
        }
    }
}
