package org.diffusionsoup.diffusion.pipeline;

import org.diffusionsoup.core.SoupException;

/**
 * How pictures are sampled.
 *
 * @param steps of the scheduler
 * @param guidanceScale weight of the caption's pull; 1 or less skips the pass without caption
 * @param guidanceRescale share of the rescaling of Lin et al. 2024 (Section 3.4), 0 for none
 * @param negativePrompt what the pass without caption is given instead of the empty text
 * @param height of the pictures in pixels
 * @param width of the pictures in pixels
 */
public record SamplingOptions(
        int steps,
        double guidanceScale,
        double guidanceRescale,
        String negativePrompt,
        int height,
        int width) {

    public SamplingOptions {
        if (steps < 1) {
            throw new SoupException("`steps` must be at least 1, not " + steps + ".");
        }
        if (!Double.isFinite(guidanceScale) || guidanceScale < 0) {
            throw new SoupException(
                    "`guidanceScale` must be a number of at least 0, not " + guidanceScale + ".");
        }
    }
}
