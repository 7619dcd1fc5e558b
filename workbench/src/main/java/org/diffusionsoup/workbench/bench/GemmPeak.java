package org.diffusionsoup.workbench.bench;

import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * The most that matrix products reach on this machine: what a training step is held against.
 *
 * @param size side n of the fastest product of two n×n matrices
 * @param gflops billions of floating-point operations per second, 2n³ per product
 */
public record GemmPeak(int size, double gflops) {
    private static final int[] SIZES = {512, 1024, 2048};

    /** The faster of two measurements. */
    GemmPeak max(GemmPeak other) {
        return other.gflops > gflops ? other : this;
    }

    /**
     * Measures each size for that long; the fastest single product counts.
     *
     * @param bfloat16 whether to measure products in bfloat16 beside those in float32. A step in
     *     bfloat16 runs a part of its operations in float32, and on a processor that only emulates
     *     bfloat16 that part is the faster one
     */
    static GemmPeak measure(boolean bfloat16, double secondsPerSize) {
        GemmPeak best = measureOne(false, secondsPerSize);
        return bfloat16 ? best.max(measureOne(true, secondsPerSize)) : best;
    }

    private static GemmPeak measureOne(boolean bfloat16, double secondsPerSize) {
        GemmPeak best = new GemmPeak(0, 0);
        for (int n : SIZES) {
            double slowest = 0;
            try (Scope all = Scope.open();
                    Torch.Guard off = Torch.gradients(false);
                    Rng rng = new Rng(n)) {
                Tensor a = rng.normal(n, n);
                Tensor b = rng.normal(n, n);
                if (bfloat16) {
                    a = a.toBFloat16();
                    b = b.toBFloat16();
                }
                long end = System.nanoTime() + (long) (secondsPerSize * 1e9);
                while (System.nanoTime() < end) {
                    try (Scope one = Scope.open()) {
                        long start = System.nanoTime();
                        a.matmul(b);
                        double seconds = (System.nanoTime() - start) / 1e9;
                        slowest = Math.max(slowest, seconds);
                        best = best.max(new GemmPeak(n, 2.0 * n * n * n / seconds / 1e9));
                    }
                }
            }
            // Twice the side is eight times the work: an emulated type would take minutes for
            // what its small products have already shown.
            if (8 * slowest > Math.max(1, 10 * secondsPerSize)) {
                break;
            }
        }
        return best;
    }
}
