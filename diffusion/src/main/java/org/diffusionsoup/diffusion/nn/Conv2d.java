package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Square convolution: (N, in, H, W) to (N, out, H', W'). */
public final class Conv2d {
    private final Names names;
    private final Parameter weight;
    private final Parameter[] bias;
    private final long stride;
    private final long padding;

    /** A k×k convolution with the given stride and zero padding on all sides. */
    public Conv2d(Names names, long in, long out, long k, long stride, long padding) {
        this(names, in, out, k, stride, padding, true);
    }

    /** As above, with or without a bias. */
    public Conv2d(Names names, long in, long out, long k, long stride, long padding, boolean bias) {
        this.names = names;
        this.stride = stride;
        this.padding = padding;
        Init init = Init.fanIn(in * k * k);
        this.weight = names.parameter("weight", init, out, in, k, k);
        this.bias = bias ? new Parameter[] {names.parameter("bias", init, out)} : new Parameter[0];
    }

    public Tensor forward(Tensor x) {
        Tensor y =
                weight.computing(() ->
                        bias.length == 0
                                ? Functional.conv2d(x, weight.float32Once(), stride, padding)
                                : Functional.conv2d(
                                        x,
                                        weight.float32Once(),
                                        stride,
                                        padding,
                                        bias[0].float32()));
        LowRank branch = weight.branch();
        return names.tap(branch == null ? y : y.add(branch.conv2d(x, stride, padding)));
    }
}
