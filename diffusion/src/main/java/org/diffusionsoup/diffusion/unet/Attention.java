package org.diffusionsoup.diffusion.unet;

import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Multi-head attention of diffusers ({@code Attention}), self- when the context is the input
 * itself, cross- when it is the text.
 */
public final class Attention {
    private final Names names;
    private final Linear toQ;
    private final Linear toK;
    private final Linear toV;
    private final Linear toOut;
    private final long heads;
    private final boolean upcast;

    /**
     * @param dim width of the queries and of the output
     * @param contextDim width of the context that keys and values are made of
     * @param qkvBias whether queries, keys and values have a bias (the autoencoder's do)
     */
    public Attention(
            Names names, long dim, long contextDim, long heads, boolean qkvBias, boolean upcast) {
        this.names = names;
        this.heads = heads;
        this.upcast = upcast;
        toQ = new Linear(names.sub("to_q"), dim, dim, qkvBias);
        toK = new Linear(names.sub("to_k"), contextDim, dim, qkvBias);
        toV = new Linear(names.sub("to_v"), contextDim, dim, qkvBias);
        toOut = new Linear(names.sub("to_out.0"), dim, dim, true);
    }

    /** x (N, tokens, dim) attends to context (N, contextTokens, contextDim). */
    public Tensor forward(Tensor x, Tensor context) {
        Tensor q = split(toQ.forward(x));
        Tensor k = split(toK.forward(context));
        Tensor v = split(toV.forward(context));
        if (upcast) {
            q = q.toFloat();
            k = k.toFloat();
            v = v.toFloat();
        }
        Tensor y = Functional.attention(q, k, v, false); // (N, heads, tokens, dim / heads)
        y = y.transpose(1, 2).reshape(x.size(0), x.size(1), -1); // (N, tokens, dim)
        return names.tap(toOut.forward(y));
    }

    private Tensor split(Tensor t) {
        // (N, tokens, dim) to (N, heads, tokens, dim / heads)
        return t.reshape(t.size(0), t.size(1), heads, t.size(2) / heads).transpose(1, 2);
    }
}
