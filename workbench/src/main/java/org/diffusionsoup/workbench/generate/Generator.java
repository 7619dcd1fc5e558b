package org.diffusionsoup.workbench.generate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.diffusion.image.Picture;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.nn.Weights;
import org.diffusionsoup.diffusion.pipeline.NonFiniteException;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.png.PictureMetadata;

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
    /** Denoising steps of all pictures from which their time is estimated first. */
    private static final long PROBED_STEPS = 2000;

    private final String name;
    private final String unetHash;
    private final TextToImagePipeline pipeline;
    private final GenerateSettings settings;
    private final SamplingOptions options;
    private final Painter painter;
    private final DrawingCost cost;
    private final int divisor;
    private final Runnable release;
    private final List<Path> folders;
    private final Map<String, Parameters> components = new TreeMap<>();
    private boolean changed;
    private Map<String, String> members = Map.of();

    /**
     * @param with what besides the folders decides the pictures; empty for nothing
     */
    private Generator(
            String name,
            List<Path> folders,
            String with,
            TextToImagePipeline loaded,
            GenerateSettings settings,
            Runnable release) {
        this.name = name;
        this.settings = settings;
        this.release = release;
        this.folders = folders;
        unetHash = hash(folders, with);
        pipeline = settings.sampler().map(s -> sampledWith(loaded, s)).orElse(loaded);
        int timesteps = pipeline.scheduler().table().size();
        if (settings.steps() > timesteps) {
            throw new SoupException(
                    "`steps` %d is more than the %d timesteps that %s was trained with."
                            .formatted(settings.steps(), timesteps, name));
        }
        UNetConfig unet =
                UNetConfig.of(
                        JsonConfig.read(folders.getFirst().resolve("unet").resolve("config.json")));
        // Each level of the UNet but the last halves the latents, on top of the autoencoder.
        int latentPixels = pipeline.nativeSize() / unet.sampleSize();
        divisor = latentPixels << (unet.blockOutChannels().size() - 1);
        options = options();
        cost =
                new DrawingCost(
                        unet,
                        VaeConfig.of(
                                JsonConfig.read(
                                        folders.getFirst().resolve("vae").resolve("config.json"))));
        cost.check(side(), 1, settings.guidance() > 1, divisor);
        painter = new Painter(pipeline, settings.source());
    }

    /** Square pictures, unless they begin as one of another shape. */
    private SamplingOptions options() {
        int width = settings.size().orElse(pipeline.nativeSize());
        int height = width;
        if (settings.source().isPresent() && settings.size().isEmpty()) {
            Picture begin = settings.source().get().image();
            width = begin.width() / divisor * divisor;
            height = begin.height() / divisor * divisor;
            if (width == 0 || height == 0) {
                throw new SoupException(
                        "The picture of %dx%d pixels is too small for %s; give one of at least %d in both directions, or a `size`."
                                .formatted(begin.width(), begin.height(), name, divisor));
            }
        } else if (width % divisor != 0) {
            throw new SoupException(
                    "`size` %d does not suit %s; give a multiple of %d."
                            .formatted(width, name, divisor));
        }
        return options(settings.steps(), width, height);
    }

    private SamplingOptions options(int steps, int width, int height) {
        return new SamplingOptions(
                steps, settings.guidance(), 0, settings.negativePrompt(), height, width);
    }

    /** Side of a square as large as a picture, rounded up. */
    private int side() {
        return (int) Math.ceil(Math.sqrt((double) options.width() * options.height()));
    }

    private static TextToImagePipeline sampledWith(TextToImagePipeline loaded, Sampler sampler) {
        try {
            return loaded.with(loaded.scheduler().withClassName(sampler.className()));
        } catch (UnsupportedConfigException e) {
            throw new SoupException(
                    "`scheduler` %s does not suit this model (%s); try ddim, euler or dpm++2m."
                            .formatted(sampler.word(), e.getMessage()),
                    e);
        }
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
        DiffusersFolder.require(folder);
        TextToImagePipeline pipeline = load(folder, loras);
        Generator g =
                orRelease(
                        ModelNames.of(folder),
                        List.of(folder),
                        pipeline,
                        settings,
                        pipeline::close);
        g.changed = !loras.isEmpty();
        return g;
    }

    private static TextToImagePipeline load(Path folder, List<LoraUse> loras) {
        if (loras.isEmpty()) {
            return TextToImagePipeline.load(folder);
        }
        try (Checkpoint model = Checkpoint.open(folder);
                LoraUse.Open open = LoraUse.open(loras, model.parts())) {
            return TextToImagePipeline.load(
                    folder, (name, stored) -> LoraFusion.component(name, stored, open.terms()));
        }
    }

    /**
     * Loads one model whose weights can be exchanged, see {@link #exchange}.
     *
     * @param folder of Stable Diffusion 1.x or 2.x, in diffusers layout
     * @throws SoupException when the folder is not a model, or the settings do not suit it
     */
    public static Generator exchangeable(Path folder, GenerateSettings settings) {
        DiffusersFolder.require(folder);
        StableDiffusion model = StableDiffusion.load(folder);
        Generator g =
                orRelease(
                        ModelNames.of(folder),
                        List.of(folder),
                        new TextToImagePipeline(model),
                        settings,
                        model::close);
        g.components.put("unet", model.unet().parameters());
        g.components.put("text_encoder", model.textEncoder().parameters());
        g.components.put("vae", model.vae().parameters());
        return g;
    }

    /**
     * Takes other weights for one component, such as those of a soup in memory.
     *
     * @param component {@code unet}, {@code text_encoder} or {@code vae}
     * @throws SoupException if the generator was not opened for that, has no such component, or the
     *     weights do not fit
     */
    public void exchange(String component, TensorSource weights) {
        Parameters parameters = components.get(component);
        if (parameters == null) {
            throw new SoupException(
                    "The ingredients differ in '%s', which is not drawn with; only %s can be."
                            .formatted(component, components.keySet()));
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
        return of(LoadedEnsemble.weighted(folders, coefficients, sequential), settings);
    }

    /**
     * The same with coefficients that a classifier gives per sample and timestep (paper, Appendix
     * C).
     *
     * @param folders in the order of the classifier's shards
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
        return of(LoadedEnsemble.classified(folders, classifier, resouped, sequential), settings);
    }

    private static Generator of(LoadedEnsemble loaded, GenerateSettings settings) {
        Generator g =
                orRelease(
                        loaded.name(),
                        loaded.folders(),
                        loaded.with(),
                        loaded.pipeline(),
                        settings,
                        loaded.release());
        g.members = loaded.text();
        return g;
    }

    private static Generator orRelease(
            String name,
            List<Path> folders,
            TextToImagePipeline pipeline,
            GenerateSettings settings,
            Runnable release) {
        return orRelease(name, folders, "", pipeline, settings, release);
    }

    private static Generator orRelease(
            String name,
            List<Path> folders,
            String with,
            TextToImagePipeline pipeline,
            GenerateSettings settings,
            Runnable release) {
        try {
            return new Generator(name, folders, with, pipeline, settings, release);
        } catch (RuntimeException e) {
            release.run();
            throw e;
        }
    }

    private static String hash(List<Path> folders, String with) {
        String lines =
                folders.stream()
                        .map(f -> f.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS))
                        .map(WeightsHash::of)
                        .collect(Collectors.joining("\n"));
        return folders.size() == 1
                ? lines
                : Hashes.sha256Hex((lines + with).getBytes(StandardCharsets.UTF_8));
    }

    /** The model folder's name, or "ensemble of n". */
    public String name() {
        return name;
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
        return members;
    }

    /** Class name of the scheduler in use, such as {@code DDIMScheduler}. */
    public String schedulerName() {
        return pipeline.scheduler().className();
    }

    /** Width of the pictures in pixels; their height too, unless they begin as a picture. */
    public int size() {
        return options.width();
    }

    /**
     * What of some prompts does not reach the pictures, and whether their size is not the model's
     * own.
     *
     * @return sentences, none where all is well
     */
    public List<String> notes(List<String> prompts) {
        List<String> notes = new ArrayList<>();
        int trained = pipeline.nativeSize();
        if (options.width() != trained || options.height() != trained) {
            String help =
                    settings.size().isPresent() ? "leave `size` out" : "give `size` " + trained;
            notes.add(
                    "The pictures are %dx%d pixels, the model was trained on %dx%d: expect repeated or broken subjects, or %s."
                            .formatted(options.width(), options.height(), trained, trained, help));
        }
        notes.addAll(PromptNotes.of("prompt", prompts, pipeline::reading));
        if (settings.guidance() > 1 && !settings.negativePrompt().isEmpty()) {
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
                settings.steps());
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
        checkWork(prompts, seeds);
        // Under exchanged weights the folder's name would be another model's.
        String what = components.isEmpty() ? name : "candidate";
        progress.start("generate " + what, prompts.size(), "images");
        List<RgbImage> out = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += settings.batch()) {
            int to = Math.min(from + settings.batch(), prompts.size());
            long[] some = seeds.subList(from, to).stream().mapToLong(Long::longValue).toArray();
            try (Scope scope = Scope.open()) {
                byte[][] rgb = paint(prompts.subList(from, to), some, progress);
                for (byte[] one : rgb) {
                    out.add(new RgbImage(options.width(), options.height(), one));
                }
            }
            progress.advance(to - from);
        }
        return out;
    }

    private byte[][] paint(List<String> prompts, long[] seeds, Progress progress) {
        try {
            return TextToImagePipeline.toBytes(
                    painter.paint(
                            prompts, seeds, options, painter.counting(options.steps(), progress)));
        } catch (NonFiniteException e) {
            throw broken().explained(e);
        }
    }

    private BrokenDrawing broken() {
        return new BrokenDrawing(
                name, folders, changed || !components.isEmpty(), settings.guidance());
    }

    /** Before anything is drawn: what does not fit is refused, and what is long unless allowed. */
    private void checkWork(List<String> prompts, List<Long> seeds) {
        int pictures = prompts.size();
        DrawingCost.checkKept(pictures, side());
        cost.check(side(), Math.min(settings.batch(), pictures), settings.guidance() > 1, divisor);
        if (settings.mayBeLong() || (long) pictures * settings.steps() < PROBED_STEPS) {
            return;
        }
        probe(prompts.getFirst(), seeds.getFirst(), 1); // the first of all takes longer
        double one = probe(prompts.getFirst(), seeds.getFirst(), 1);
        double two = probe(prompts.getFirst(), seeds.getFirst(), 2);
        double step = Math.max(0, two - one);
        double hours = pictures * Math.max(one, one + step * (settings.steps() - 1)) / 3600;
        if (hours > GenerateSettings.LONG_HOURS) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "%,d pictures of %d steps with %s take about %,.0f hours here (a step of one picture took %.1f ms); add `yes` if that is meant.",
                            pictures,
                            settings.steps(),
                            name,
                            hours,
                            1000 * step));
        }
    }

    private double probe(String prompt, long seed, int steps) {
        // a strength would leave nothing of so few steps
        Painter whole = new Painter(pipeline, settings.source().map(Source::whole));
        long start = System.nanoTime();
        try (Scope scope = Scope.open()) {
            var few = options(steps, options.width(), options.height());
            TextToImagePipeline.toBytes(
                    whole.paint(List.of(prompt), new long[] {seed}, few, (i, x) -> {}));
        } catch (NonFiniteException e) {
            throw broken().explained(e);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** Frees the weights. */
    @Override
    public void close() {
        release.run();
    }
}
