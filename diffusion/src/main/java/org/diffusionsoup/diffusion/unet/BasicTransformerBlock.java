package org.diffusionsoup.diffusion.unet;

import org.diffusionsoup.diffusion.nn.LayerNorm;
import org.diffusionsoup.diffusion.nn.Linear;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Self-attention, cross-attention to the text, and a GEGLU feed-forward, each with a residual. */
final class BasicTransformerBlock {
    private final Names names;
    private final LayerNorm norm1;
    private final Attention attn1;
    private final LayerNorm norm2;
    private final Attention attn2;
    private final LayerNorm norm3;
    private final Names ffNames;
    private final Names gegluNames;
    private final Linear ffProj;
    private final Linear ffOut;

    BasicTransformerBlock(Names names, long dim, long contextDim, long heads, boolean upcast) {
        this.names = names;
        norm1 = new LayerNorm(names.sub("norm1"), dim, 1e-5);
        attn1 = new Attention(names.sub("attn1"), dim, dim, heads, false, upcast);
        norm2 = new LayerNorm(names.sub("norm2"), dim, 1e-5);
        attn2 = new Attention(names.sub("attn2"), dim, contextDim, heads, false, upcast);
        norm3 = new LayerNorm(names.sub("norm3"), dim, 1e-5);
        ffNames = names.sub("ff");
        gegluNames = ffNames.sub("net.0");
        ffProj = new Linear(gegluNames.sub("proj"), dim, 8 * dim, true);
        ffOut = new Linear(ffNames.sub("net.2"), 4 * dim, dim, true);
    }

    /** x (N, tokens, dim), text (N, textTokens, contextDim) to (N, tokens, dim). */
    Tensor forward(Tensor x, Tensor text) {
        Tensor n = norm1.forward(x);
        x = attn1.forward(n, n).add(x);
        x = attn2.forward(norm2.forward(x), text).add(x);
        return names.tap(feedForward(norm3.forward(x)).add(x));
    }

    private Tensor feedForward(Tensor x) {
        Tensor[] half = ffProj.forward(x).chunk(2, -1); // value and gate, (N, tokens, 4 dim) each
        Tensor gated = gegluNames.tap(half[0].mul(Functional.gelu(half[1])));
        return ffNames.tap(ffOut.forward(gated));
    }
}
