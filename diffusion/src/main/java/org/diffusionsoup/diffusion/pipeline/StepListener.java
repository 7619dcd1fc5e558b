package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.diffusion.torch.Tensor;

/** Hears of every sampling step. */
@FunctionalInterface
public interface StepListener {
    /** Does nothing. */
    StepListener NONE = (step, steps, latents) -> {};

    /**
     * Called after a step. An exception ends the generation.
     *
     * @param step steps done, 1 to {@code steps}
     * @param steps number of steps of the run
     * @param latents the latents after it (N, C, h, w), valid during the call only
     */
    void onStep(int step, int steps, Tensor latents);
}
