package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * A branch of low rank beside a weight W (LoRA, Hu et al. 2021): its layer computes {@code W x + s
 * B (A x)}, and only the factors A and B are trained.
 */
final class LowRank {
    private final Parameter down;
    private final Parameter up;
    private final double scale;

    /**
     * @param down A, (rank, in) or (rank, in, k, k)
     * @param up B, (out, rank) or (out, rank, 1, 1)
     * @param scale s, alpha over rank
     */
    LowRank(Parameter down, Parameter up, double scale) {
        this.down = down;
        this.up = up;
        this.scale = scale;
    }

    /** What a linear layer adds: (..., in) to (..., out). */
    Tensor linear(Tensor x) {
        return Functional.linear(Functional.linear(x, down.value()), up.value()).mul(scale);
    }

    /** What a convolution adds: (N, in, H, W) to (N, out, H', W'). */
    Tensor conv2d(Tensor x, long stride, long padding) {
        Tensor narrow = Functional.conv2d(x, down.value(), stride, padding);
        return Functional.conv2d(narrow, up.value(), 1, 0).mul(scale);
    }
}
