package org.diffusionsoup.diffusion.pipeline;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.diffusion.model.ComponentFit;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.model.WeightsView;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.NoiseSource;
import org.diffusionsoup.diffusion.schedule.Scheduler;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.text.TextReading;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;

/**
 * Text to image with classifier-free guidance, as diffusers' {@code StableDiffusionPipeline} and
 * {@code StableDiffusionXLPipeline} do it.
 */
public final class TextToImagePipeline implements AutoCloseable {
    private static final Set<String> XL =
            Set.of(
                    "StableDiffusionXLPipeline",
                    "StableDiffusionXLImg2ImgPipeline",
                    "StableDiffusionXLInpaintPipeline");

    private final PromptEncoder prompts;
    private final AutoencoderKL vae;
    private final UNetConfig shape;
    private final NoisePredictor predictor;
    private final SchedulerConfig scheduler;
    private final List<Runnable> owned;

    private TextToImagePipeline(
            PromptEncoder prompts,
            AutoencoderKL vae,
            UNetConfig shape,
            NoisePredictor predictor,
            SchedulerConfig scheduler,
            List<Runnable> owned) {
        this.prompts = prompts;
        this.vae = vae;
        this.shape = shape;
        this.predictor = predictor;
        this.scheduler = scheduler;
        this.owned = owned;
    }

    /** A pipeline of a model's own UNet and scheduler; the model stays the caller's to close. */
    public TextToImagePipeline(StableDiffusion model) {
        this(model, NoisePredictor.of(model.unet()), model.scheduler());
    }

    /**
     * A pipeline with another denoiser or scheduler; tokenizer, text encoder and autoencoder stay
     * the model's.
     */
    public TextToImagePipeline(
            StableDiffusion model, NoisePredictor predictor, SchedulerConfig scheduler) {
        this(
                new PromptEncoder.Single(
                        new PromptEncoder.Encoder(model.tokenizer(), model.textEncoder())),
                model.vae(),
                model.unet().config(),
                predictor,
                scheduler,
                List.of());
    }

    /**
     * Loads a Stable Diffusion 1.x, 2.x or XL folder in diffusers layout, with its own scheduler.
     *
     * @throws SoupException when the folder is not such a pipeline
     */
    public static TextToImagePipeline load(Path folder) {
        return load(folder, WeightsView.STORED);
    }

    /**
     * The same with weights as a view shows them, such as with LoRAs in them, and in its format.
     *
     * @throws SoupException when the folder is not such a pipeline
     */
    public static TextToImagePipeline load(Path folder, WeightsView view) {
        DiffusersFolder.require(folder);
        JsonConfig config = JsonConfig.read(folder.resolve(DiffusersFolder.INDEX));
        if (XL.contains(config.text("_class_name", ""))) {
            return loadXl(folder, view, config.flag("force_zeros_for_empty_prompt", true));
        }
        // refuses other kinds
        StableDiffusion model = StableDiffusion.loadWithInpainting(folder, view);
        TextToImagePipeline p = new TextToImagePipeline(model);
        return new TextToImagePipeline(
                p.prompts, p.vae, p.shape, p.predictor, p.scheduler, List.of(model::close));
    }

    private static TextToImagePipeline loadXl(
            Path folder, WeightsView view, boolean zerosWithoutNegative) {
        ComponentFit.requireAll(folder);
        PromptEncoder.Encoder first =
                PromptEncoder.Encoder.load(
                        folder.resolve("tokenizer"), folder.resolve("text_encoder"), view);
        PromptEncoder.Encoder second =
                PromptEncoder.Encoder.load(
                        folder.resolve("tokenizer_2"), folder.resolve("text_encoder_2"), view);
        AutoencoderKL vae = StableDiffusion.vae(folder.resolve("vae"), view);
        UNet2DConditionModel unet = StableDiffusion.unet(folder.resolve("unet"), view);
        return new TextToImagePipeline(
                new PromptEncoder.Dual(first, second, zerosWithoutNegative),
                vae,
                unet.config(),
                NoisePredictor.of(unet),
                SchedulerConfig.ofModel(folder),
                List.of(
                        first.model().parameters()::close,
                        second.model().parameters()::close,
                        vae.parameters()::close,
                        unet.parameters()::close));
    }

    /** The same components with another denoiser, such as a soup's UNet or an ensemble. */
    public TextToImagePipeline with(NoisePredictor other) {
        return new TextToImagePipeline(prompts, vae, shape, other, scheduler, List.of());
    }

    /** The same components with another scheduler. */
    public TextToImagePipeline with(SchedulerConfig other) {
        return new TextToImagePipeline(prompts, vae, shape, predictor, other, List.of());
    }

    /** The scheduler that steps are taken with. */
    public SchedulerConfig scheduler() {
        return scheduler;
    }

    /** How much of a prompt the text encoder takes; what is beyond is not drawn. */
    public TextReading reading(String prompt) {
        return prompts.reading(prompt);
    }

    /** Height and width in pixels of the pictures the model was trained on. */
    public int nativeSize() {
        return shape.sampleSize() * vae.config().downFactor();
    }

    /** Hears about every denoising step. */
    @FunctionalInterface
    public interface StepListener {
        /**
         * An exception ends the sampling.
         *
         * @param index of the step, from 0
         * @param latents after the step (N, C, h, w), valid during the call
         */
        void step(int index, Tensor latents);
    }

    /**
     * Pictures of some prompts, one per prompt, from one seed each. The same seed gives the same
     * initial latents and the same noise of stochastic schedulers whatever the batch, so that
     * models can be compared on the same noise.
     *
     * @return float32 (N, 3, H, W) in [0, 1], in the innermost open {@link Scope}
     * @throws NonFiniteException where latents or pictures become NaN or infinite
     */
    public Tensor generate(List<String> prompts, long[] seeds, SamplingOptions options) {
        return generate(prompts, seeds, options, (i, x) -> {});
    }

    /** As above, with a listener to every step. */
    public Tensor generate(
            List<String> prompts, long[] seeds, SamplingOptions options, StepListener listener) {
        if (prompts.size() != seeds.length || seeds.length == 0) {
            throw new IllegalArgumentException(
                    prompts.size() + " prompts need as many seeds, not " + seeds.length);
        }
        try (SeededRows random = new SeededRows(seeds)) {
            Tensor latents = random.draw(0, latentShape(seeds.length, options));
            return decode(denoise(prompts, latents, options, Optional.of(random), listener));
        }
    }

    long[] latentShape(int n, SamplingOptions options) {
        int factor = vae.config().downFactor();
        if (options.height() % factor != 0 || options.width() % factor != 0) {
            throw new SoupException(
                    "`size` "
                            + options.width()
                            + "x"
                            + options.height()
                            + " must be divisible by "
                            + factor
                            + " in both directions.");
        }
        return new long[] {
            n, vae.config().latentChannels(), options.height() / factor, options.width() / factor
        };
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
        requireLatentsOnly();
        return run(prompts, Course.fromNoise(latents), options, noise, listener);
    }

    /** Whether the denoiser takes latents alone, not a mask and a picture beside them. */
    public boolean takesLatentsOnly() {
        return shape.inChannels() == vae.config().latentChannels();
    }

    /**
     * Refuses a denoiser that takes more than latents.
     *
     * @throws SoupException if it takes a mask and a picture, too
     */
    public void requireLatentsOnly() {
        if (!takesLatentsOnly()) {
            throw new SoupException(
                    "The model's UNet takes "
                            + shape.inChannels()
                            + " channels where latents have "
                            + vae.config().latentChannels()
                            + ": it paints into a picture, and needs one with a mask.");
        }
    }

    /** The sampling loop of a course. */
    Tensor run(
            List<String> prompts,
            Course course,
            SamplingOptions options,
            Optional<NoiseSource> noise,
            StepListener listener) {
        NoiseSource source = noise.orElse(NoiseSource.none());
        try (Torch.Guard off = Torch.gradients(false);
                Scheduler s = scheduler.scheduler(options.steps())) {
            Conditioning conditioning = conditioning(prompts, options);
            int first = s.skip(course.skipped());
            Tensor x = course.start(s, first).keep();
            double[] timesteps = s.timesteps();
            for (int i = first; i < timesteps.length; i++) {
                Tensor before = x;
                // One step's intermediate tensors are freed before the next step starts.
                try (Scope scope = Scope.open()) {
                    Tensor input = course.modelInput(s.scaleModelInput(x, i));
                    Tensor out = predict(input, timesteps[i], conditioning, options);
                    // not the latents alone: schedulers that clip make numbers of infinities
                    NonFiniteException.check(
                            out,
                            "in the latents at step %d of %d".formatted(i + 1, timesteps.length));
                    Tensor next = course.after(s.step(out, i, x, source), s, i);
                    listener.step(i, next);
                    x = next.keep();
                } finally {
                    before.release();
                }
            }
            Tensor result = x.mul(1.0); // a tensor of the caller's scope
            x.release();
            return result;
        }
    }

    /** With guidance, the rows without the prompts come first, then those with. */
    private Conditioning conditioning(List<String> texts, SamplingOptions options) {
        int h = options.height();
        int w = options.width();
        Conditioning with = prompts.encode(texts, h, w);
        if (options.guidanceScale() <= 1) {
            return with;
        }
        String negative = options.negativePrompt();
        Conditioning without =
                negative.isEmpty()
                        ? prompts.withoutNegative(texts.size(), h, w)
                        : prompts.encode(Collections.nCopies(texts.size(), negative), h, w);
        return Conditioning.joined(List.of(without, with));
    }

    private Tensor predict(Tensor input, double t, Conditioning c, SamplingOptions options) {
        if (options.guidanceScale() <= 1) {
            return predictor.predict(input, t, c).toFloat();
        }
        Tensor both = predictor.predict(Tensor.cat(List.of(input, input), 0), t, c).toFloat();
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

    AutoencoderKL vae() {
        return vae;
    }

    /** Channels that the denoiser takes. */
    int inChannels() {
        return shape.inChannels();
    }

    /** Text embeddings (N, tokens, width) of prompts. */
    public Tensor embed(List<String> texts) {
        try (Torch.Guard off = Torch.gradients(false)) {
            return prompts.encode(texts, nativeSize(), nativeSize()).text();
        }
    }

    /**
     * Pictures (N, 3, H, W) in [0, 1] of final latents.
     *
     * @throws NonFiniteException if they hold NaN or infinities
     */
    public Tensor decode(Tensor latents) {
        try (Torch.Guard off = Torch.gradients(false)) {
            Tensor pixels = vae.decode(latents.div(vae.config().scalingFactor())).toFloat();
            NonFiniteException.check(pixels, "in the decoded picture");
            return pixels.div(2).add(0.5).clamp(0, 1);
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

    /** Frees the components, where {@link #load} made them. */
    @Override
    public void close() {
        owned.forEach(Runnable::run);
    }
}
