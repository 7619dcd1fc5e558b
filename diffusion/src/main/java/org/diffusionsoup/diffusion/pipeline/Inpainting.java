package org.diffusionsoup.diffusion.pipeline;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.schedule.NoiseSource;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Painting into the masked part of a picture, as diffusers' {@code StableDiffusionInpaintPipeline}
 * does it: with a model made for it, whose denoiser takes the mask and the picture without the
 * masked part beside the latents (Rombach et al. 2022), or with any other model, by putting the
 * noised picture back around the mask after every step.
 */
public final class Inpainting {
    private final TextToImagePipeline pipeline;
    private final ImageToImage images;
    private final boolean appends;

    /**
     * With the components of a pipeline, which stays the caller's to close.
     *
     * @throws SoupException if its denoiser takes neither latents alone nor latents, mask and
     *     picture
     */
    public Inpainting(TextToImagePipeline pipeline) {
        this.pipeline = pipeline;
        images = new ImageToImage(pipeline);
        int latent = pipeline.vae().config().latentChannels();
        appends = pipeline.inChannels() == 2 * latent + 1;
        if (!appends && pipeline.inChannels() != latent) {
            throw new SoupException(
                    "The model's UNet takes %d channels; painting into a picture takes one of %d or %d."
                            .formatted(pipeline.inChannels(), latent, 2 * latent + 1));
        }
    }

    /**
     * What is painted into.
     *
     * @param latents of the whole pictures, (N, C, h, w), from {@link ImageToImage#encode}
     * @param masked latents of the pictures with the masked part grey, of the same shape
     * @param mask 1 where is painted, 0 where the picture stays, (N, 1, h, w)
     */
    public record Canvas(Tensor latents, Tensor masked, Tensor mask) {}

    /**
     * Pictures with the masked part grey, which is 0.
     *
     * @param pixels (N, 3, H, W) in [-1, 1]
     * @param mask (N, 1, H, W) or (1, 1, H, W) of 0 and 1
     */
    public static Tensor without(Tensor pixels, Tensor mask) {
        return pixels.mul(mask.neg().add(1.0));
    }

    /**
     * A mask at the size of latents: the upper left pixel of each cell.
     *
     * @param mask (N, 1, H, W) of 0 and 1
     * @param height rows of the latents
     * @param width columns of the latents
     */
    public static Tensor shrunk(Tensor mask, int height, int width) {
        return Functional.upsampleNearest(mask, height, width);
    }

    /**
     * Pictures of prompts painted into given ones, from one seed each.
     *
     * @param pixels float32 (N, 3, H, W) in [-1, 1], H and W as in the options
     * @param mask float32 (N, 1, H, W) of 0 and 1; 1 is repainted
     * @param strength over 0 to 1: how much of the run is done; 1 keeps nothing of the masked part
     * @return float32 (N, 3, H, W) in [0, 1], in the innermost open {@link Scope}
     */
    public Tensor generate(
            List<String> prompts,
            long[] seeds,
            Tensor pixels,
            Tensor mask,
            double strength,
            SamplingOptions options,
            TextToImagePipeline.StepListener listener) {
        try (SeededRows random = new SeededRows(seeds)) {
            long[] shape = pipeline.latentShape(seeds.length, options);
            Tensor latents = images.encode(pixels, random.draw(0, shape));
            Tensor noise = random.draw(0, shape);
            Tensor masked = images.encode(without(pixels, mask), random.draw(0, shape));
            Tensor small = shrunk(mask, Math.toIntExact(shape[2]), Math.toIntExact(shape[3]));
            return pipeline.decode(
                    denoise(
                            prompts,
                            new Canvas(latents, masked, small),
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
     * @param noise standard normal (N, C, h, w)
     * @param strength over 0 to 1; 1 starts from pure noise, unlike image to image
     * @param stepNoise for stochastic schedulers; empty suits deterministic ones
     * @return final latents (N, C, h, w), still scaled
     */
    public Tensor denoise(
            List<String> prompts,
            Canvas canvas,
            Tensor noise,
            double strength,
            SamplingOptions options,
            Optional<NoiseSource> stepNoise,
            TextToImagePipeline.StepListener listener) {
        return pipeline.run(
                prompts,
                course(canvas, noise, ImageToImage.skipped(options.steps(), strength), strength),
                options,
                stepNoise,
                listener);
    }

    Course course(Canvas canvas, Tensor noise, int skipped, double strength) {
        return new Course() {
            @Override
            public int skipped() {
                return skipped;
            }

            @Override
            public Tensor start(Scheduler s, int first) {
                return strength == 1
                        ? noise.mul(s.initNoiseSigma())
                        : ImageToImage.noised(s, first, canvas.latents(), noise);
            }

            @Override
            public Tensor modelInput(Tensor scaled) {
                return appends
                        ? Tensor.cat(List.of(scaled, canvas.mask(), canvas.masked()), 1)
                        : scaled;
            }

            @Override
            public Tensor after(Tensor x, Scheduler s, int index) {
                if (appends) {
                    return x;
                }
                boolean last = index + 1 == s.timesteps().length;
                Tensor around =
                        last
                                ? canvas.latents()
                                : ImageToImage.noised(s, index + 1, canvas.latents(), noise);
                return around.add(x.sub(around).mul(canvas.mask()));
            }
        };
    }
}
