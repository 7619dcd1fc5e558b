package org.diffusionsoup.diffusion.pipeline;

import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * What to generate. Start from {@link #of} and change what matters.
 *
 * @param prompts one per picture
 * @param negativePrompts one per picture, or none
 * @param seeds one per picture: a picture depends on its own seed only, not on the batch it is in
 * @param latents standard normal initial latents (N, C, h, w) instead of those from the seeds
 * @param steps number of scheduler steps
 * @param guidance classifier-free guidance
 * @param eta noise of DDIM, 0 to 1
 * @param height pixels, a multiple of the autoencoder's factor; 0 for the model's own
 * @param width as above
 * @param scheduler how to sample, instead of the model's own scheduler
 * @param listener hears of every step
 */
public record GenerationRequest(
        List<String> prompts,
        List<String> negativePrompts,
        List<Long> seeds,
        Optional<Tensor> latents,
        int steps,
        Guidance guidance,
        double eta,
        int height,
        int width,
        Optional<SchedulerConfig> scheduler,
        StepListener listener) {

    public GenerationRequest {
        prompts = List.copyOf(prompts);
        negativePrompts = List.copyOf(negativePrompts);
        seeds = List.copyOf(seeds);
        int n = prompts.size();
        if (n == 0) {
            throw new PipelineException("there is no prompt to generate a picture for");
        }
        if (seeds.size() != n) {
            throw new PipelineException(n + " prompts need as many seeds, not " + seeds.size());
        }
        if (!negativePrompts.isEmpty() && negativePrompts.size() != n) {
            throw new PipelineException(
                    n + " prompts need as many negative prompts or none, not "
                            + negativePrompts.size());
        }
        if (height < 0 || width < 0) {
            throw new PipelineException("a picture of " + width + "x" + height + " is not possible");
        }
    }

    /**
     * Fifty steps, guidance scale 7.5, the model's own size and scheduler.
     *
     * @param seed of the first picture; the next ones count up
     */
    public static GenerationRequest of(List<String> prompts, long seed) {
        return new GenerationRequest(
                prompts,
                List.of(),
                LongStream.range(seed, seed + prompts.size()).boxed().toList(),
                Optional.empty(),
                50,
                Guidance.of(7.5),
                0,
                0,
                0,
                Optional.empty(),
                StepListener.NONE);
    }

    /** The same with negative prompts, one per picture. */
    public GenerationRequest withNegativePrompts(List<String> value) {
        return new GenerationRequest(prompts, value, seeds, latents, steps, guidance, eta, height, width, scheduler, listener);
    }

    /** The same with other seeds, one per picture. */
    public GenerationRequest withSeeds(List<Long> value) {
        return new GenerationRequest(prompts, negativePrompts, value, latents, steps, guidance, eta, height, width, scheduler, listener);
    }

    /** The same from given standard normal latents (N, C, h, w). */
    public GenerationRequest withLatents(Tensor value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, Optional.of(value), steps, guidance, eta, height, width, scheduler, listener);
    }

    /** The same with another number of steps. */
    public GenerationRequest withSteps(int value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, value, guidance, eta, height, width, scheduler, listener);
    }

    /** The same with other guidance. */
    public GenerationRequest withGuidance(Guidance value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, steps, value, eta, height, width, scheduler, listener);
    }

    /** The same with another share of DDPM's noise in DDIM. */
    public GenerationRequest withEta(double value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, steps, guidance, value, height, width, scheduler, listener);
    }

    /** The same at another size in pixels. */
    public GenerationRequest withSize(int newHeight, int newWidth) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, steps, guidance, eta, newHeight, newWidth, scheduler, listener);
    }

    /** The same with another scheduler. */
    public GenerationRequest withScheduler(SchedulerConfig value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, steps, guidance, eta, height, width, Optional.of(value), listener);
    }

    /** The same with a listener. */
    public GenerationRequest withListener(StepListener value) {
        return new GenerationRequest(prompts, negativePrompts, seeds, latents, steps, guidance, eta, height, width, scheduler, value);
    }
}
