package org.diffusionsoup.diffusion.torch;

import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * The neural-network operations that the models are written in, as in {@code torch.nn.functional}.
 * An absent bias is an empty {@code Tensor...}.
 */
public final class Functional {
    static {
        Natives.load();
    }

    private static final TensorOptional NONE = new TensorOptional().retainReference();
    private static final DoubleOptional NO_SCALE = new DoubleOptional().retainReference();
    private static final ScalarTypeOptional NO_TYPE = new ScalarTypeOptional().retainReference();

    private static final long MANY_ROWS = 16;
    private static final long MANY_PRODUCTS = 1L << 20;

    private Functional() {}

    private static Tensor w(org.bytedeco.pytorch.Tensor raw) {
        return new Tensor(raw);
    }

    private static TensorOptional bias(Tensor... bias) {
        return bias.length == 0 ? NONE : new TensorOptional(bias[0].raw());
    }

    /** x (..., in) times weight (out, in) transposed, plus bias (out). */
    public static Tensor linear(Tensor x, Tensor weight, Tensor... bias) {
        if (isBetterAsConvolution(x, weight)) {
            return asConvolution(x, weight, bias);
        }
        return w(torch.linear(x.raw(), weight.raw(), bias(bias)));
    }

    /**
     * Whether a layer is faster as a 1×1 convolution of its rows. libtorch gives float32 products
     * to OpenBLAS, whose threads are not those of OpenMP that everything else runs on: with more
     * than one of each, the two wait for each other, and the launcher leaves OpenBLAS one. oneDNN's
     * convolutions use OpenMP's. Of few rows or weights there is too little work for that.
     */
    private static boolean isBetterAsConvolution(Tensor x, Tensor weight) {
        long rows = x.elements() / x.size(-1);
        return rows >= MANY_ROWS
                && rows * weight.elements() >= MANY_PRODUCTS
                && Torch.threads() > 1
                && x.isFloatOnCpu()
                && !Torch.isBfloat16Compute();
    }

    static Tensor asConvolution(Tensor x, Tensor weight, Tensor... bias) {
        long in = weight.size(1);
        long out = weight.size(0);
        long[] shape = x.shape();
        shape[shape.length - 1] = out;
        // (1, in, rows, 1), channels last: the layout that the rows lie in already
        Tensor picture = x.reshape(1, -1, 1, in).permute(0, 3, 1, 2);
        Tensor y = conv2d(picture, weight.reshape(out, in, 1, 1), 1, 0, bias);
        return y.permute(0, 2, 3, 1).reshape(shape);
    }

    /** Convolution of x (N, in, H, W) with weight (out, in, k, k). */
    public static Tensor conv2d(Tensor x, Tensor weight, long stride, long pad, Tensor... bias) {
        return w(
                torch.conv2d(
                        x.raw(),
                        weight.raw(),
                        bias(bias),
                        new long[] {stride, stride},
                        new long[] {pad, pad},
                        new long[] {1, 1},
                        1));
    }

    /** Group normalisation of x (N, C, ...) in {@code groups} groups of channels. */
    public static Tensor groupNorm(Tensor x, long groups, Tensor weight, Tensor bias, double eps) {
        return w(torch.group_norm(x.raw(), groups, bias(weight), bias(bias), eps, true));
    }

    /** Layer normalisation over the last dimension. */
    public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        return w(
                torch.layer_norm(
                        x.raw(), new long[] {x.size(-1)}, bias(weight), bias(bias), eps, true));
    }

    /** Rows of a table (V, C) by int64 ids of any shape. */
    public static Tensor embedding(Tensor table, Tensor ids) {
        return w(torch.embedding(table.raw(), ids.raw()));
    }

    /** x * sigmoid(x). */
    public static Tensor silu(Tensor x) {
        return w(torch.silu(x.raw()));
    }

    /** Gaussian error linear unit, the exact form with erf. */
    public static Tensor gelu(Tensor x) {
        return w(torch.gelu(x.raw(), "none"));
    }

    /** Gaussian error linear unit, the tanh approximation. */
    public static Tensor geluTanh(Tensor x) {
        return w(torch.gelu(x.raw(), "tanh"));
    }

    /** Softmax along a dimension. */
    public static Tensor softmax(Tensor x, long dim) {
        return w(torch.softmax(x.raw(), dim, NO_TYPE));
    }

    /** Logarithm of the softmax along a dimension. */
    public static Tensor logSoftmax(Tensor x, long dim) {
        return w(torch.log_softmax(x.raw(), dim, NO_TYPE));
    }

    /**
     * softmax(q k^T / sqrt(d)) v for q, k, v of shape (N, heads, tokens, d).
     *
     * @param causal whether token i sees only tokens up to i
     */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, boolean causal) {
        return w(
                torch.scaled_dot_product_attention(
                        q.raw(), k.raw(), v.raw(), NONE, 0.0, causal, NO_SCALE, false));
    }

    /**
     * softmax(q k^T / sqrt(d) + added) v for q, k, v of shape (N, heads, tokens, d).
     *
     * @param added float32 that broadcasts to (N, heads, query tokens, key tokens)
     */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, Tensor added) {
        return w(
                torch.scaled_dot_product_attention(
                        q.raw(),
                        k.raw(),
                        v.raw(),
                        new TensorOptional(added.raw()),
                        0.0,
                        false,
                        NO_SCALE,
                        false));
    }

    /**
     * Nearest-neighbour resize of x (N, C, H, W) to the given height and width, larger or smaller:
     * the source index is {@code floor(i * H / height)}.
     */
    public static Tensor upsampleNearest(Tensor x, long height, long width) {
        return w(torch.upsample_nearest2d(x.raw(), new long[] {height, width}));
    }

    /** Pads the last two dimensions with zeros. */
    public static Tensor pad(Tensor x, long left, long right, long top, long bottom) {
        return w(torch.pad(x.raw(), left, right, top, bottom));
    }

    /** Mean of squared differences, a scalar. */
    public static Tensor mse(Tensor a, Tensor b) {
        return w(torch.mse_loss(a.raw(), b.raw()));
    }

    /** Mean of absolute differences, a scalar. */
    public static Tensor l1(Tensor a, Tensor b) {
        return w(torch.l1_loss(a.raw(), b.raw()));
    }

    /** Mean cross entropy of logits (N, classes) against int64 class ids (N). */
    public static Tensor crossEntropy(Tensor logits, Tensor classes) {
        return w(torch.cross_entropy(logits.raw(), classes.raw()));
    }
}
