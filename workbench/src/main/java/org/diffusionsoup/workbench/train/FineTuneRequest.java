package org.diffusionsoup.workbench.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.diffusionsoup.core.checkpoint.UnfinishedTraining;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;

/**
 * What one ingredient is made of.
 *
 * @param base folder of the shared base, in diffusers layout
 * @param shards data to train on, as {@link org.diffusionsoup.data.ShardRef} texts; several make a
 *     paragon's union
 * @param out folder of the ingredient to be written; with {@code lora}, a name that ends in {@code
 *     .safetensors} is that of a file of the factors alone
 * @param options how the UNet is optimised
 * @param captionDropout share of rows trained without caption
 * @param checkpointEvery steps between checkpoints, 0 for time-based ones only
 * @param replace whether an existing {@code out} may be replaced, and kept models with it
 * @param keepEvery steps between the models kept beside {@code out}, see {@link #keptFolder}; 0 to
 *     keep the last one only
 * @param stopAfter steps after which the run ends, 1 to {@code options.steps()}: with fewer than
 *     that the schedule is that of the whole run, and {@code out} the model it would have kept
 *     there
 * @param lora the low-rank factors that are trained in the place of the UNet's weights; empty to
 *     train these themselves
 * @param loss weights of timesteps and kind of noise
 * @param checkpointing whether the UNet's activations are computed again in the backward pass
 *     instead of being held (gradient checkpointing): the same ingredient, byte for byte, with less
 *     memory and in more time
 * @param buckets which sizes pictures of any shape are trained at; empty where all pictures have
 *     one size and are trained as they are
 * @param names what the recipe calls the shards, in their order; empty to call them as their files
 *     are called
 */
public record FineTuneRequest(
        Path base,
        List<String> shards,
        Path out,
        TrainingOptions options,
        double captionDropout,
        long checkpointEvery,
        boolean replace,
        long keepEvery,
        long stopAfter,
        Optional<LowRankOptions> lora,
        DenoisingLoss loss,
        boolean checkpointing,
        Optional<BucketRule> buckets,
        List<String> names) {

    /**
     * Steps between checkpoints where nobody asks for others: a third of the shortest usual run, so
     * that a killed one has something to go on from.
     */
    public static final int CHECKPOINT_EVERY = 50;

    private static final String FACTORS = ".safetensors";

    /** Key in a recipe of the steps that were done when a model was kept. */
    public static final String KEPT_STEP = "kept_step";

    /** A run to the end of its schedule that keeps its last model only. */
    public FineTuneRequest(
            Path base,
            List<String> shards,
            Path out,
            TrainingOptions options,
            double captionDropout,
            long checkpointEvery,
            boolean replace) {
        this(
                base,
                shards,
                out,
                options,
                captionDropout,
                checkpointEvery,
                replace,
                0,
                options.steps(),
                Optional.empty(),
                DenoisingLoss.PLAIN,
                false,
                Optional.empty(),
                List.of());
    }

    /**
     * @throws TrainingException if a share or a number of steps is out of range, or there are names
     *     for some shards only
     */
    public FineTuneRequest {
        shards = List.copyOf(shards);
        names = List.copyOf(names);
        if (!names.isEmpty() && names.size() != shards.size()) {
            throw new TrainingException(
                    "%d names for %d shards".formatted(names.size(), shards.size()));
        }
        if (!(captionDropout >= 0 && captionDropout <= 1)) {
            throw new TrainingException(
                    "`captionDropout` must be in [0, 1], not " + captionDropout);
        }
        if (checkpointEvery < 0) {
            throw new TrainingException(
                    "`checkpointEvery` must not be negative, not " + checkpointEvery);
        }
        if (stopAfter < 1 || stopAfter > options.steps()) {
            throw new TrainingException(
                    "a run of %d steps cannot end after %d".formatted(options.steps(), stopAfter));
        }
        if (keepEvery < 0 || keepEvery >= stopAfter && keepEvery > 0) {
            throw new TrainingException(
                    "`keepEvery` must be from 1 to below the %d steps of the run (the last model is `out` itself), not %d"
                            .formatted(stopAfter, keepEvery));
        }
    }

    /** Defaults for the embedded base: small batches at a moderate constant rate. */
    public static TrainingOptions embeddedDefaults(long steps, long seed) {
        return new TrainingOptions(
                steps,
                16,
                1,
                2e-4,
                TrainingOptions.Schedule.CONSTANT,
                Math.min(20, Math.max(1, steps / 10)),
                1e-2,
                0.9,
                0.999,
                1e-8,
                1.0,
                0,
                seed,
                false);
    }

    /**
     * The same, with a model kept every so many steps.
     *
     * @param every 1 to below the run's steps, or 0 for none
     */
    public FineTuneRequest keeping(long every) {
        return changed(c -> c.keepEvery = every);
    }

    /** The same run, ended early; {@code out} becomes the model that it would have kept there. */
    public FineTuneRequest stoppedAfter(long step) {
        return changed(c -> c.stopAfter = step);
    }

    /** The same with low-rank factors in training, or the UNet's weights themselves. */
    public FineTuneRequest training(Optional<LowRankOptions> factors) {
        return changed(c -> c.lora = factors);
    }

    /** The same with a loss of another kind. */
    public FineTuneRequest minimising(DenoisingLoss other) {
        return changed(c -> c.loss = other);
    }

    /** The same with gradient checkpointing, or without. */
    public FineTuneRequest checkpointing(boolean wanted) {
        return changed(c -> c.checkpointing = wanted);
    }

    /**
     * The same with pictures of any shape, each at the size that the rule has for it.
     *
     * @param rule empty to train pictures of one size as they are
     */
    public FineTuneRequest inBuckets(Optional<BucketRule> rule) {
        return changed(c -> c.buckets = rule);
    }

    /**
     * The same under other names for the shards, so that the recipe, and with it the bytes, does
     * not depend on what files are called.
     *
     * @param shardNames one for each of the shards
     */
    public FineTuneRequest calling(List<String> shardNames) {
        return changed(c -> c.names = shardNames);
    }

    private FineTuneRequest changed(Consumer<Choices> change) {
        Choices c = new Choices(this);
        change.accept(c);
        return new FineTuneRequest(
                base,
                shards,
                out,
                options,
                captionDropout,
                checkpointEvery,
                replace,
                c.keepEvery,
                c.stopAfter,
                c.lora,
                c.loss,
                c.checkpointing,
                c.buckets,
                c.names);
    }

    /** What has a default, on its way from one request to another. */
    private static final class Choices {
        private long keepEvery;
        private long stopAfter;
        private Optional<LowRankOptions> lora;
        private DenoisingLoss loss;
        private boolean checkpointing;
        private Optional<BucketRule> buckets;
        private List<String> names;

        Choices(FineTuneRequest of) {
            keepEvery = of.keepEvery;
            stopAfter = of.stopAfter;
            lora = of.lora;
            loss = of.loss;
            checkpointing = of.checkpointing;
            buckets = of.buckets;
            names = of.names;
        }
    }

    /** Whether the factors alone are written, as a file; otherwise it is a model's folder. */
    public boolean writesFactors() {
        return lora.isPresent() && isFactors(out);
    }

    /** Whether a path is named as a file of factors is. */
    public static boolean isFactors(Path path) {
        return path.toString().endsWith(FACTORS);
    }

    /** Folder of the run's checkpoints, beside the ingredient; gone once it is finished. */
    public Path stateFolder() {
        return UnfinishedTraining.folderOf(out.toAbsolutePath().normalize());
    }

    /**
     * Folder of the model kept of a step: {@code OUT-step000200} beside {@code OUT}, of factors
     * {@code OUT-step000200.safetensors}. Six digits, more where the step has more, whatever the
     * length of the run.
     *
     * @param step steps done
     */
    public Path keptFolder(long step) {
        Path absolute = out.toAbsolutePath().normalize();
        String name = absolute.getFileName().toString();
        String ending = writesFactors() ? FACTORS : "";
        String bare = name.substring(0, name.length() - ending.length());
        return absolute.resolveSibling("%s-step%06d%s".formatted(bare, step, ending));
    }
}
