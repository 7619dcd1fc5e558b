package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Fully connected layer: (..., in) to (..., out). */
public final class Linear {
    private final Names names;
    private final Parameter weight;
    private final Parameter[] bias;

    /** With torch's default initialisation. */
    public Linear(Names names, long in, long out, boolean bias) {
        this(names, in, out, bias, Init.fanIn(in), Init.fanIn(in));
    }

    /** With the given initialisation of weight (out, in) and bias (out). */
    public Linear(Names names, long in, long out, boolean bias, Init weightInit, Init biasInit) {
        this.names = names;
        this.weight = names.parameter("weight", weightInit, out, in);
        this.bias =
                bias ? new Parameter[] {names.parameter("bias", biasInit, out)} : new Parameter[0];
    }

    public Tensor forward(Tensor x) {
        Tensor y =
                weight.computing(() ->
                        bias.length == 0
                                ? Functional.linear(x, weight.float32Once())
                                : Functional.linear(x, weight.float32Once(), bias[0].float32()));
        LowRank branch = weight.branch();
        return names.tap(branch == null ? y : y.add(branch.linear(x)));
    }
}
