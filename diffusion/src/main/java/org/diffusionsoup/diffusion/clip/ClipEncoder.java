package org.diffusionsoup.diffusion.clip;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** The transformer that both CLIP towers share: (N, tokens, width) to the same, layer by layer. */
final class ClipEncoder {
    private final List<Layer> layers = new ArrayList<>();

    ClipEncoder(
            Names names,
            int width,
            int intermediate,
            int count,
            int heads,
            Activation activation,
            double eps,
            boolean causal) {
        for (int i = 0; i < count; i++) {
            Names n = names.sub("layers", i);
            layers.add(new Layer(n, width, intermediate, count, heads, activation, eps, causal));
        }
    }

    /** The input and every layer's output, input first. */
    List<Tensor> forward(Tensor x) {
        List<Tensor> states = new ArrayList<>(layers.size() + 1);
        states.add(x);
        for (Layer l : layers) {
            x = l.forward(x);
            states.add(x);
        }
        return states;
    }

    private static final class Layer {
        private final Names names;
        private final LayerNorm norm1;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear out;
        private final LayerNorm norm2;
        private final Linear fc1;
        private final Linear fc2;
        private final Activation activation;
        private final long heads;
        private final boolean causal;

        Layer(
                Names names,
                int width,
                int intermediate,
                int depth,
                int heads,
                Activation activation,
                double eps,
                boolean causal) {
            this.names = names;
            this.heads = heads;
            this.activation = activation;
            this.causal = causal;
            // transformers' CLIPPreTrainedModel._init_weights
            Init in = new Init.Normal(Math.pow(width, -0.5) * Math.pow(2.0 * depth, -0.5));
            Init proj = new Init.Normal(Math.pow(width, -0.5));
            Init fc = new Init.Normal(Math.pow(2.0 * width, -0.5));
            Names a = names.sub("self_attn");
            norm1 = new LayerNorm(names.sub("layer_norm1"), width, eps);
            q = new Linear(a.sub("q_proj"), width, width, true, in, Init.ZERO);
            k = new Linear(a.sub("k_proj"), width, width, true, in, Init.ZERO);
            v = new Linear(a.sub("v_proj"), width, width, true, in, Init.ZERO);
            out = new Linear(a.sub("out_proj"), width, width, true, proj, Init.ZERO);
            norm2 = new LayerNorm(names.sub("layer_norm2"), width, eps);
            fc1 = new Linear(names.sub("mlp.fc1"), width, intermediate, true, fc, Init.ZERO);
            fc2 = new Linear(names.sub("mlp.fc2"), intermediate, width, true, in, Init.ZERO);
        }

        Tensor forward(Tensor x) {
            Tensor n = norm1.forward(x);
            Tensor y =
                    Functional.attention(
                            split(q.forward(n)), split(k.forward(n)), split(v.forward(n)), causal);
            y = y.transpose(1, 2).reshape(x.size(0), x.size(1), -1); // (N, tokens, width)
            x = x.add(out.forward(y));
            y = fc2.forward(activation.apply(fc1.forward(norm2.forward(x))));
            return names.tap(x.add(y));
        }

        private Tensor split(Tensor t) {
            // (N, tokens, width) to (N, heads, tokens, width / heads)
            return t.reshape(t.size(0), t.size(1), heads, t.size(2) / heads).transpose(1, 2);
        }
    }
}
