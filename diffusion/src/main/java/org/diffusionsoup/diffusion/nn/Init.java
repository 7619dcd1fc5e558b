package org.diffusionsoup.diffusion.nn;

import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** How a parameter starts when it is trained from nothing. */
public sealed interface Init {
    /** Every element the same value. */
    record Constant(double value) implements Init {}

    /** Uniform in [-bound, bound), as torch initialises linear and convolution layers. */
    record Uniform(double bound) implements Init {}

    /** Normal with mean 0 and the given standard deviation, as transformers initialises CLIP. */
    record Normal(double std) implements Init {}

    /** All zeros: a bias, or a layer that starts by adding nothing. */
    Init ZERO = new Constant(0);

    /** All ones: the scale of a normalisation. */
    Init ONE = new Constant(1);

    /** torch's default for a layer with the given number of inputs per output: U(±1/√fanIn). */
    static Init fanIn(long fanIn) {
        return new Uniform(1.0 / Math.sqrt(fanIn));
    }

    /** Fills a tensor in place. */
    default void fill(Tensor t, Rng rng) {
        switch (this) {
            case Constant c -> t.fill_(c.value());
            case Uniform u -> t.copy_(rng.uniform(-u.bound(), u.bound(), t.shape()));
            case Normal n -> t.copy_(rng.normal(t.shape()).mul(n.std()));
        }
    }
}
