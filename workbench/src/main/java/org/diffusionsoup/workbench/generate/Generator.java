package org.diffusionsoup.workbench.generate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.pipeline.NonFiniteException;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.workbench.Progress;

/**
 * Draws pictures of prompts with one model, or with an ensemble of several whose predictions are
 * averaged at every step (paper, Eq. 5).
 *
 * <p>A seed gives the same noise whatever the model, the prompt and the batch, so that models can
 * be compared picture by picture. The same call gives the same bytes; another batch size changes
 * the order of additions and with it the last bits before rounding. Not for use by several threads
 * at once.
 */
public final class Generator implements AutoCloseable {
    private final LoadedModel model;
    private final String unetHash;
    private final TextToImagePipeline pipeline;
    private final GenerateSettings settings;
    private final DrawingPlan plan;
    private final Painter painter;

    private Generator(LoadedModel model, GenerateSettings settings) {
        this.model = model;
        this.settings = settings;
        unetHash = model.unetHash();
        pipeline = settings.sampler().map(s -> s.on(model.pipeline())).orElseGet(model::pipeline);
        int timesteps = pipeline.scheduler().table().size();
        if (settings.steps() > timesteps) {
            throw new SoupException(
                    "`steps` %d is more than the %d timesteps that %s was trained with."
                            .formatted(settings.steps(), timesteps, model.name()));
        }
        pipeline.scheduler().scheduler(settings.steps()); // refuses what it cannot do, at once
        plan = new DrawingPlan(model, settings, pipeline.nativeSize());
        painter = new Painter(pipeline, settings.source());
    }

    /**
     * Loads one model.
     *
     * @param folder in diffusers layout
     * @throws SoupException when the folder is not a model, or the settings do not suit it
     */
    public static Generator open(Path folder, GenerateSettings settings) {
        return open(folder, settings, List.of());
    }

    /**
     * Loads one model with LoRAs in its weights. Its {@link #unetHash} is that of the model without
     * them.
     *
     * @param folder in diffusers layout
     * @param loras added up in this order
     * @throws SoupException when the folder is not a model, or a LoRA or the settings do not suit
     *     it
     */
    public static Generator open(Path folder, GenerateSettings settings, List<LoraUse> loras) {
        return of(LoadedModel.of(folder, loras, settings.weights()), settings);
    }

    /**
     * Loads one model whose weights can be exchanged, see {@link #exchange}.
     *
     * @param folder of Stable Diffusion 1.x or 2.x, in diffusers layout
     * @throws SoupException when the folder is not a model, or the settings do not suit it
     */
    public static Generator exchangeable(Path folder, GenerateSettings settings) {
        return of(LoadedModel.exchangeable(folder, settings.weights()), settings);
    }

    /**
     * Takes other weights for one component, such as those of a soup in memory.
     *
     * @param component {@code unet}, {@code text_encoder} or {@code vae}
     * @throws SoupException if the generator was not opened for that, has no such component, or the
     *     weights do not fit
     */
    public void exchange(String component, TensorSource weights) {
        Parameters parameters = model.exchangeable().get(component);
        if (parameters == null) {
            throw new SoupException(
                    "The ingredients differ in '%s', which is not drawn with; only %s can be."
                            .formatted(component, new TreeSet<>(model.exchangeable().keySet())));
        }
        Weights.load(parameters, weights, UnaryOperator.identity());
    }

    /**
     * Loads several models that share text encoder and autoencoder, as the ingredients of one base
     * do; the first one's scheduler is used.
     *
     * @param folders one or more of Stable Diffusion 1.x or 2.x, in diffusers layout
     * @throws SoupException when one is not a model, or they do not share a base
     */
    public static Generator ensemble(List<Path> folders, GenerateSettings settings) {
        return ensemble(
                folders,
                Collections.nCopies(folders.size(), 1.0 / folders.size()),
                false,
                settings);
    }

    /**
     * The same with coefficients of choice (paper, Eq. 5).
     *
     * @param folders one or more of Stable Diffusion 1.x or 2.x, in diffusers layout
     * @param coefficients of their predictions, above 0 and with sum 1
     * @param sequential whether one UNet takes the weights of all in turn, with the same pictures
     *     in one model's memory
     * @throws SoupException when one is not a model, or they do not share a base
     */
    public static Generator ensemble(
            List<Path> folders,
            List<Double> coefficients,
            boolean sequential,
            GenerateSettings settings) {
        return of(
                EnsembleLoader.weighted(folders, coefficients, sequential, settings.weights()),
                settings);
    }

    /**
     * The same with coefficients that a classifier gives per sample and timestep (paper, Appendix
     * C).
     *
     * <p>Models are matched to the classifier's shards by the shards that their recipes record;
     * those that record none are taken in the order given. They stand in the order of the shards,
     * so that the order given changes nothing else.
     *
     * @param folders one for each of the classifier's shards
     * @param classifier folder of one that {@code soup judge classifier} trained
     * @param resouped whether the weights are averaged with these coefficients instead of the
     *     predictions (paper, Proposition 2): one model's pass per sample, after an average of all
     * @param sequential as for {@link #ensemble}; not with averaged weights
     * @throws SoupException when one is not a model, they do not share a base, or the classifier
     *     tells others apart
     */
    public static Generator classified(
            List<Path> folders,
            Path classifier,
            boolean resouped,
            boolean sequential,
            GenerateSettings settings) {
        return of(
                EnsembleLoader.classified(
                        folders, classifier, resouped, sequential, settings.weights()),
                settings);
    }

    private static Generator of(LoadedModel model, GenerateSettings settings) {
        try {
            return new Generator(model, settings);
        } catch (RuntimeException e) {
            model.release().run();
            throw e;
        }
    }

    /** The model folder's name, or "ensemble of n". */
    public String name() {
        return model.name();
    }

    /**
     * Content hash of the UNet's weights, 64 hexadecimal digits; for an ensemble SHA-256 over its
     * members' hashes in the order given, with a line feed between them, and behind them the
     * coefficients unless they are equal, or the hash of the classifier that gives them.
     */
    public String unetHash() {
        return unetHash;
    }

    /**
     * What pictures say of the members of an ensemble, by keyword: {@code ensemble} with a line for
     * each, of its coefficient, the hash of its UNet's weights and its name; where a classifier
     * gives the coefficients, the hash of its weights and its name instead of them. Empty for one
     * model.
     */
    public Map<String, String> members() {
        return model.members();
    }

    /** Class name of the scheduler in use, such as {@code DDIMScheduler}. */
    public String schedulerName() {
        return pipeline.scheduler().className();
    }

    /** Size of the pictures. */
    public PictureSize size() {
        return plan.size();
    }

    /**
     * What of some prompts does not reach the pictures, and whether their size is not the model's
     * own, or the weights are rounded; of an ensemble that a classifier weighs, how its models were
     * matched to the classifier's shards.
     *
     * @return sentences, none where all is well
     */
    public List<String> notes(List<String> prompts) {
        List<String> notes = new ArrayList<>(model.notes());
        notes.addAll(plan.notes());
        notes.addAll(PromptNotes.of("prompt", prompts, pipeline::reading));
        if (settings.guidance() <= 1 && !settings.negativePrompt().isEmpty()) {
            notes.add("The negative prompt is not read, since `guidanceScale` is not above 1.");
        } else if (!settings.negativePrompt().isEmpty()) {
            notes.addAll(
                    PromptNotes.of(
                            "negative prompt",
                            List.of(settings.negativePrompt()),
                            pipeline::reading));
        }
        return notes;
    }

    /** What is written into the file of one picture. */
    public PictureMetadata metadata(String prompt, long seed) {
        return new PictureMetadata(
                prompt,
                settings.negativePrompt(),
                seed,
                unetHash,
                settings.guidance(),
                schedulerName(),
                settings.steps(),
                settings.weights().dtype());
    }

    /**
     * Every prompt with every seed.
     *
     * @param prompts one or more
     * @param seeds one or more
     * @return per prompt, in its order, one picture per seed
     */
    public List<List<RgbImage>> grid(List<String> prompts, List<Long> seeds, Progress progress) {
        List<String> each = new ArrayList<>();
        List<Long> seedOf = new ArrayList<>();
        for (String prompt : prompts) {
            for (long seed : seeds) {
                each.add(prompt);
                seedOf.add(seed);
            }
        }
        List<RgbImage> all = pictures(each, seedOf, progress);
        List<List<RgbImage>> rows = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            rows.add(List.copyOf(all.subList(p * seeds.size(), (p + 1) * seeds.size())));
        }
        return rows;
    }

    /**
     * One picture per prompt.
     *
     * @param prompts one or more
     * @param seeds of the pictures' noise, as many as prompts
     * @return 8-bit pictures in the prompts' order
     */
    public List<RgbImage> pictures(List<String> prompts, List<Long> seeds, Progress progress) {
        if (prompts.isEmpty() || prompts.size() != seeds.size()) {
            throw new IllegalArgumentException(
                    prompts.size() + " prompts need as many seeds, not " + seeds.size());
        }
        checkWork(prompts, seeds, progress);
        progress.start("generate " + model.label(), prompts.size(), "images");
        List<RgbImage> out = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += settings.batch()) {
            int to = Math.min(from + settings.batch(), prompts.size());
            long[] some = seeds.subList(from, to).stream().mapToLong(Long::longValue).toArray();
            byte[][] rgb =
                    paint(
                            painter,
                            prompts.subList(from, to),
                            some,
                            plan.options(),
                            painter.counting(settings.steps(), progress));
            for (byte[] one : rgb) {
                out.add(new RgbImage(plan.size().width(), plan.size().height(), one));
            }
            progress.advance(to - from);
        }
        return out;
    }

    private byte[][] paint(
            Painter by,
            List<String> prompts,
            long[] seeds,
            SamplingOptions options,
            TextToImagePipeline.StepListener listener) {
        try (Scope scope = Scope.open()) {
            return TextToImagePipeline.toBytes(by.paint(prompts, seeds, options, listener));
        } catch (NonFiniteException e) {
            throw broken().explained(e);
        }
    }

    private BrokenDrawing broken() {
        return new BrokenDrawing(
                model.name(),
                model.folders(),
                model.changed() || !model.exchangeable().isEmpty(),
                settings.guidance());
    }

    /** Before anything is drawn: what does not fit is refused, and what is long unless allowed. */
    private void checkWork(List<String> prompts, List<Long> seeds, Progress progress) {
        plan.checkMemory(prompts.size());
        if (!settings.mayBeLong()) {
            DrawingTime.check(
                    model.name(),
                    prompts.size(),
                    settings,
                    progress::tell,
                    (n, steps) -> { // a strength would leave nothing of so few steps
                        Painter whole = new Painter(pipeline, settings.source().map(Source::whole));
                        paint(
                                whole,
                                prompts.subList(0, n),
                                seeds.stream().limit(n).mapToLong(s -> s).toArray(),
                                plan.options(steps),
                                (i, x) -> {});
                    });
        }
    }

    /** Frees the weights. */
    @Override
    public void close() {
        model.release().run();
    }
}
