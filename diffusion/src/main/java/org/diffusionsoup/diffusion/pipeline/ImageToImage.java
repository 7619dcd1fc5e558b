package org.diffusionsoup.diffusion.pipeline;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.schedule.NoiseSource;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Pictures that begin as another picture with noise on it instead of pure noise (Meng et al. 2022,
 * "SDEdit"), as diffusers' {@code StableDiffusionImg2ImgPipeline} and its XL form do it.
 */
public final class ImageToImage {
    private final TextToImagePipeline pipeline;

    /** With the components of a pipeline, which stays the caller's to close. */
    public ImageToImage(TextToImagePipeline pipeline) {
        this.pipeline = pipeline;
    }

    /**
     * How many of a scheduler's steps a strength leaves out: all but the last {@code steps ·
     * strength}, cut off to a whole number.
     *
     * @param strength over 0 to 1: 1 leaves nothing out
     * @throws SoupException if it is out of range, or so small that no step is left
     */
    public static int skipped(int steps, double strength) {
        if (!(strength > 0 && strength <= 1)) {
            throw new SoupException(
                    "`strength` must be over 0 and at most 1, not " + strength + ".");
        }
        int left = Math.min((int) (steps * strength), steps);
        if (left == 0) {
            throw new SoupException(
                    "`strength` "
                            + strength
                            + " of "
                            + steps
                            + " steps leaves none; take more steps, or a strength of at least "
                            + Math.ceil(1e4 / steps) / 1e4 // that it may be typed
                            + ".");
        }
        return steps - left;
    }

    /**
     * The latents of pictures: a sample of the autoencoder's distribution, scaled.
     *
     * @param pixels float32 (N, 3, H, W) in [-1, 1], sides that the autoencoder's factor divides
     * @param noise standard normal (N, C, h, w)
     * @return (N, C, h, w)
     */
    public Tensor encode(Tensor pixels, Tensor noise) {
        try (Torch.Guard off = Torch.gradients(false)) {
            return pipeline.vae()
                    .encode(pixels)
                    .sample(noise)
                    .mul(pipeline.vae().config().scalingFactor());
        }
    }

    /**
     * Pictures of prompts that begin as given ones, from one seed each.
     *
     * @param pixels float32 (N, 3, H, W) in [-1, 1], H and W as in the options
     * @param strength over 0 to 1: how much of the run is done, and so how little is kept
     * @return float32 (N, 3, H, W) in [0, 1], in the innermost open {@link Scope}
     * @throws SoupException if the strength leaves no step
     */
    public Tensor generate(
            List<String> prompts,
            long[] seeds,
            Tensor pixels,
            double strength,
            SamplingOptions options,
            TextToImagePipeline.StepListener listener) {
        try (SeededRows random = new SeededRows(seeds)) {
            long[] shape = pipeline.latentShape(seeds.length, options);
            Tensor latents = encode(pixels, random.draw(0, shape));
            Tensor noise = random.draw(0, shape);
            return pipeline.decode(
                    denoise(
                            prompts,
                            latents,
                            noise,
                            strength,
                            options,
                            Optional.of(random),
                            listener));
        }
    }

    /**
     * The sampling loop.
     *
     * @param latents of the given pictures, from {@link #encode}
     * @param noise standard normal, of the same shape
     * @param strength over 0 to 1
     * @param stepNoise for stochastic schedulers; empty suits deterministic ones
     * @return final latents (N, C, h, w), still scaled
     */
    public Tensor denoise(
            List<String> prompts,
            Tensor latents,
            Tensor noise,
            double strength,
            SamplingOptions options,
            Optional<NoiseSource> stepNoise,
            TextToImagePipeline.StepListener listener) {
        pipeline.requireLatentsOnly();
        return pipeline.run(
                prompts,
                course(latents, noise, skipped(options.steps(), strength)),
                options,
                stepNoise,
                listener);
    }

    /** Even a whole run starts from the picture, under the noise of the first timestep. */
    static Course course(Tensor latents, Tensor noise, int skipped) {
        return new Course() {
            @Override
            public int skipped() {
                return skipped;
            }

            @Override
            public Tensor start(Scheduler s, int first) {
                return noised(s, first, latents, noise);
            }
        };
    }

    /** Latents under the noise of the timestep at an index. */
    static Tensor noised(Scheduler s, int index, Tensor latents, Tensor noise) {
        double[] each = new double[Math.toIntExact(latents.size(0))];
        Arrays.fill(each, s.timesteps()[index]);
        return s.addNoise(latents, noise, each);
    }
}
