package org.diffusionsoup.diffusion.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.schedule.NoiseSource;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Text to image with classifier-free guidance, as diffusers' {@code StableDiffusionPipeline} does
 * it.
 */
public final class TextToImagePipeline {
    private final StableDiffusion model;
    private final NoisePredictor predictor;
    private final SchedulerConfig scheduler;

    /** A pipeline of a model's own UNet and scheduler. */
    public TextToImagePipeline(StableDiffusion model) {
        this(model, NoisePredictor.of(model.unet()), model.scheduler());
    }

    /**
     * A pipeline with another denoiser or scheduler; tokenizer, text encoder and autoencoder stay
     * the model's.
     */
    public TextToImagePipeline(
            StableDiffusion model, NoisePredictor predictor, SchedulerConfig scheduler) {
        this.model = model;
        this.predictor = predictor;
        this.scheduler = scheduler;
    }

    /** Hears about every denoising step. */
    @FunctionalInterface
    public interface StepListener {
        /**
         * @param index of the step, from 0
         * @param latents after the step (N, C, h, w), valid during the call
         */
        void step(int index, Tensor latents);
    }

    /**
     * Pictures of some prompts, one per prompt, from one seed each. The same seed gives the same
     * initial latents whatever the batch, so that models can be compared on the same noise.
     *
     * @return float32 (N, 3, H, W) in [0, 1], in the innermost open {@link Scope}
     */
    public Tensor generate(List<String> prompts, long[] seeds, SamplingOptions options) {
        if (prompts.size() != seeds.length) {
            throw new IllegalArgumentException(
                    prompts.size() + " prompts need as many seeds, not " + seeds.length);
        }
        List<Tensor> each = new ArrayList<>();
        for (long seed : seeds) {
            each.add(initialLatents(seed, options));
        }
        Tensor latents = Tensor.cat(each, 0);
        return decode(denoise(prompts, latents, options, Optional.empty(), (i, x) -> {}));
    }

    private Tensor initialLatents(long seed, SamplingOptions options) {
        int factor = model.vae().config().downFactor();
        if (options.height() % factor != 0 || options.width() % factor != 0) {
            throw new SoupException(
                    "--size "
                            + options.width()
                            + "x"
                            + options.height()
                            + " must be divisible by "
                            + factor
                            + " in both directions.");
        }
        try (Rng rng = new Rng(seed)) {
            return rng.normal(
                    1,
                    model.unet().config().inChannels(),
                    options.height() / factor,
                    options.width() / factor);
        }
    }

    /**
     * The sampling loop.
     *
     * @param latents standard normal (N, C, h, w), one row per prompt
     * @param noise for stochastic schedulers; empty suits deterministic ones
     * @return final latents (N, C, h, w), still scaled
     */
    public Tensor denoise(
            List<String> prompts,
            Tensor latents,
            SamplingOptions options,
            Optional<NoiseSource> noise,
            StepListener listener) {
        boolean guided = options.guidanceScale() > 1;
        NoiseSource source = noise.orElse(NoiseSource.none());
        try (Torch.Guard off = Torch.gradients(false);
                Scheduler s = scheduler.scheduler(options.steps())) {
            Tensor text = embed(prompts);
            if (guided) {
                List<String> negative = new ArrayList<>();
                prompts.forEach(p -> negative.add(options.negativePrompt()));
                text = Tensor.cat(List.of(embed(negative), text), 0); // (2N, tokens, width)
            }
            Tensor x = latents.mul(s.initNoiseSigma());
            double[] timesteps = s.timesteps();
            for (int i = 0; i < timesteps.length; i++) {
                Tensor next;
                // One step's intermediate tensors are freed before the next step starts.
                try (Scope scope = Scope.open()) {
                    Tensor input = s.scaleModelInput(x, i);
                    Tensor out =
                            guided
                                    ? guide(input, timesteps[i], text, options)
                                    : predictor.predict(input, timesteps[i], text).toFloat();
                    next = s.step(out, i, x, source).keep();
                    listener.step(i, next);
                }
                if (i > 0) {
                    x.release();
                }
                x = next;
            }
            Tensor result = x.mul(1.0);
            x.release();
            return result;
        }
    }

    private Tensor guide(Tensor input, double t, Tensor text, SamplingOptions options) {
        Tensor both = predictor.predict(Tensor.cat(List.of(input, input), 0), t, text).toFloat();
        Tensor[] half = both.chunk(2, 0);
        Tensor without = half[0];
        Tensor with = half[1];
        Tensor guided = without.add(with.sub(without).mul(options.guidanceScale()));
        double phi = options.guidanceRescale();
        if (phi == 0) {
            return guided;
        }
        // Lin et al. 2024: bring the guided prediction back to the spread of the caption's own.
        Tensor ratio = with.std(true, 1, 2, 3).div(guided.std(true, 1, 2, 3));
        return guided.mul(ratio).mul(phi).add(guided.mul(1 - phi));
    }

    /** Text embeddings (N, tokens, width) of prompts. */
    public Tensor embed(List<String> prompts) {
        int length = model.tokenizer().modelMaxLength();
        long[] ids = new long[prompts.size() * length];
        for (int i = 0; i < prompts.size(); i++) {
            int[] one = model.tokenizer().encode(prompts.get(i));
            for (int j = 0; j < length; j++) {
                ids[i * length + j] = one[j];
            }
        }
        try (Torch.Guard off = Torch.gradients(false)) {
            return model.textEncoder()
                    .forward(Tensor.of(ids, prompts.size(), length))
                    .lastHiddenState();
        }
    }

    /** Pictures (N, 3, H, W) in [0, 1] of final latents. */
    public Tensor decode(Tensor latents) {
        try (Torch.Guard off = Torch.gradients(false)) {
            return model.vae()
                    .decode(latents.div(model.vae().config().scalingFactor()))
                    .toFloat()
                    .div(2)
                    .add(0.5)
                    .clamp(0, 1);
        }
    }

    /** The 8-bit form of pictures (N, 3, H, W) in [0, 1]: one array of RGB rows per picture. */
    public static byte[][] toBytes(Tensor images) {
        int n = (int) images.size(0);
        int size = Math.toIntExact(images.elements() / n);
        float[] hwc = images.permute(0, 2, 3, 1).contiguous().toFloatArray();
        byte[][] out = new byte[n][size];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < size; j++) {
                // Halves to even, as numpy's round does in the reference.
                out[i][j] = (byte) Math.rint(hwc[i * size + j] * 255f);
            }
        }
        return out;
    }
}
