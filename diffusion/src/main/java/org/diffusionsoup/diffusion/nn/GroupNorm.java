package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Group normalisation over groups of channels of (N, C, H, W). */
public final class GroupNorm {
    private final Names names;
    private final Parameter weight;
    private final Parameter bias;
    private final long groups;
    private final double eps;

    public GroupNorm(Names names, long groups, long channels, double eps) {
        this.names = names;
        this.groups = groups;
        this.eps = eps;
        this.weight = names.parameter("weight", Init.ONE, channels);
        this.bias = names.parameter("bias", Init.ZERO, channels);
    }

    public Tensor forward(Tensor x) {
        return names.tap(
                weight.computing(() ->
                        Functional.groupNorm(x, groups, weight.float32(), bias.float32(), eps)));
    }
}
