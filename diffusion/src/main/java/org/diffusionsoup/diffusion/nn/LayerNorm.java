package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Layer normalisation over the last dimension. */
public final class LayerNorm {
    private final Names names;
    private final Parameter weight;
    private final Parameter bias;
    private final double eps;

    public LayerNorm(Names names, long width, double eps) {
        this.names = names;
        this.eps = eps;
        this.weight = names.parameter("weight", Init.ONE, width);
        this.bias = names.parameter("bias", Init.ZERO, width);
    }

    public Tensor forward(Tensor x) {
        return names.tap(
                weight.computing(
                        () -> Functional.layerNorm(x, weight.float32(), bias.float32(), eps)));
    }
}
