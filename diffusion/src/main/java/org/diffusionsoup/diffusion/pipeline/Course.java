package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * What sets text to image, image to image and inpainting apart: the start of a run and its steps.
 */
interface Course {
    /** Number of the scheduler's steps that are left out at the start. */
    default int skipped() {
        return 0;
    }

    /**
     * The latents that the run starts from.
     *
     * @param s the run's scheduler
     * @param first index of the first prediction
     * @return (N, C, h, w), in the scale that the scheduler's steps take
     */
    Tensor start(Scheduler s, int first);

    /** What the denoiser is given for latents that the scheduler has scaled, (N, C, h, w). */
    default Tensor modelInput(Tensor scaled) {
        return scaled;
    }

    /**
     * The latents after a step as the next one takes them.
     *
     * @param x (N, C, h, w)
     * @param index of the step that made them
     */
    default Tensor after(Tensor x, Scheduler s, int index) {
        return x;
    }

    /** From pure noise (N, C, h, w) of standard normal numbers. */
    static Course fromNoise(Tensor noise) {
        return (s, first) -> noise.mul(s.initNoiseSigma());
    }
}
