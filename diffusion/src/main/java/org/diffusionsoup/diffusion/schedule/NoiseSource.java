package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Where a stochastic scheduler gets its noise from. */
@FunctionalInterface
public interface NoiseSource {
    /**
     * Standard normal noise.
     *
     * @param step index of the sampling step that asks, from 0; at most one request per step
     * @param shape shape of the sample
     */
    Tensor draw(int step, long... shape);

    /** Noise from a generator, whose state moves on with each request. */
    static NoiseSource of(Rng rng) {
        return (step, shape) -> rng.normal(shape);
    }

    /** For schedulers that draw none; a request fails. */
    static NoiseSource none() {
        return (step, shape) -> {
            throw new ScheduleException(
                    "this scheduler draws noise at every step; give it a noise source");
        };
    }
}
