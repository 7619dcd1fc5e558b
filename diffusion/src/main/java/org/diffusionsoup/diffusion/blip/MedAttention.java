package org.diffusionsoup.diffusion.blip;

import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Tensor;

/** BERT's attention with its output projection and the norm after the sum. */
final class MedAttention {
    private final Linear query;
    private final Linear key;
    private final Linear value;
    private final Linear output;
    private final LayerNorm norm;
    private final long heads;

    /**
     * @param seenWidth width of what keys and values are made from
     */
    MedAttention(Names names, MedConfig c, int seenWidth) {
        int width = c.hiddenSize();
        Names s = names.sub("self");
        heads = c.heads();
        query = MedBert.linear(s.sub("query"), width, width);
        key = MedBert.linear(s.sub("key"), seenWidth, width);
        value = MedBert.linear(s.sub("value"), seenWidth, width);
        output = MedBert.linear(names.sub("output.dense"), width, width);
        norm = new LayerNorm(names.sub("output.LayerNorm"), width, c.layerNormEps());
    }

    Tensor forward(Tensor x, Tensor seen, AttentionMask mask) {
        Tensor y =
                mask.attention(
                        split(query.forward(x)),
                        split(key.forward(seen)),
                        split(value.forward(seen)));
        y = y.transpose(1, 2).reshape(x.size(0), x.size(1), -1);
        return norm.forward(output.forward(y).add(x));
    }

    private Tensor split(Tensor t) {
        // (N, tokens, width) to (N, heads, tokens, width / heads)
        return t.reshape(t.size(0), t.size(1), heads, -1).transpose(1, 2);
    }
}
