package org.diffusionsoup.diffusion.torch;

import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A seeded source of random tensors (torch's CPU generator, Mersenne Twister). The same seed gives
 * the same numbers as {@code torch.Generator().manual_seed(seed)} in Python, on every device: they
 * are drawn by the processor and copied.
 */
public final class Rng implements AutoCloseable {
    static {
        Natives.load();
    }

    private final Generator generator;
    private final GeneratorOptional optional;

    /** A generator that starts from the given seed. */
    public Rng(long seed) {
        generator = torch.make_generator_cpu(seed);
        generator.retainReference();
        optional = new GeneratorOptional(generator);
        optional.retainReference();
    }

    /** Standard normal float32 tensor of the given shape. */
    public Tensor normal(long... shape) {
        Tensor t = Tensor.emptyOnCpu(shape);
        t.raw().normal_(0.0, 1.0, optional);
        return t.onDeviceInUse();
    }

    /** Uniform float32 tensor in [low, high) of the given shape. */
    public Tensor uniform(double low, double high, long... shape) {
        Tensor t = Tensor.emptyOnCpu(shape);
        t.raw().uniform_(low, high, optional);
        return t.onDeviceInUse();
    }

    /**
     * Mixes a seed with a counter into a seed for an independent generator (SplitMix64), so that
     * step k of a run draws the same numbers whether or not the run was interrupted before it.
     */
    public static long mix(long seed, long counter) {
        long z = seed + 0x9E3779B97F4A7C15L * (counter + 1);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    @Override
    public void close() {
        optional.releaseReference();
        generator.releaseReference();
    }
}
