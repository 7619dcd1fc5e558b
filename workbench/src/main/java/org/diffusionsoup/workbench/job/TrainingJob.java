package org.diffusionsoup.workbench.job;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.train.BaseConfiguration;
import org.diffusionsoup.diffusion.train.LossPoint;
import org.diffusionsoup.diffusion.train.Objective;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.workbench.Progress;
import org.jspecify.annotations.Nullable;

/**
 * One training as a person meets it, whatever is trained. The caller says what a step is, by an
 * {@link Objective} and {@link TrainingOptions}, and what is kept; the job
 *
 * <ul>
 *   <li>tells how far it is, in examples, with the loss of the last step;
 *   <li>stops between steps when asked to, with its state on disk;
 *   <li>goes on where an earlier job of the same {@link Spec} was stopped or killed, and ends in
 *       the same bytes as one that never was ({@link TrainingRun});
 *   <li>keeps a log of the loss, of which a killed run leaves what it has done, and a resumed one
 *       has every step once;
 *   <li>refuses the checkpoint of a training that something else decides.
 * </ul>
 */
public final class TrainingJob implements AutoCloseable {
    /** Steps between checkpoints unless told otherwise. */
    private static final long CHECKPOINT_EVERY = 2000;

    private final Spec spec;
    private final TrainingOptions options;
    private final TrainingRun run;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final long resumedFrom;
    private long checkpointEvery = CHECKPOINT_EVERY;

    /**
     * What a training is called, where it keeps what it needs to go on, and what it is known by.
     *
     * @param task what is done, as progress shows it: {@code "train clip"}
     * @param unit the examples' name after a number: {@code "images"}
     * @param state folder of the checkpoint
     * @param setting of the caller's that decides where that folder is: {@code "out"}, {@code
     *     "work"}
     * @param log CSV file of the loss curve, see {@link LossLog}; empty where the curve is part of
     *     what is made and so is written with it
     * @param fingerprint all that decides the result, such as the text of the recipe in the
     *     weights' header
     * @param configuration what else does, and no header says: that of the models that it starts
     *     from
     */
    public record Spec(
            String task,
            String unit,
            Path state,
            String setting,
            Optional<Path> log,
            String fingerprint,
            BaseConfiguration configuration) {
        /** A training that starts from no model. */
        public Spec(
                String task,
                String unit,
                Path state,
                String setting,
                Optional<Path> log,
                String fingerprint) {
            this(task, unit, state, setting, log, fingerprint, BaseConfiguration.NONE);
        }

        /** The same, started from models of such a configuration. */
        public Spec from(BaseConfiguration other) {
            return new Spec(task, unit, state, setting, log, fingerprint, other);
        }

        /**
         * A training that shares a folder of the setting {@code work}: {@code NAME-state}, {@code
         * NAME-loss.csv}.
         */
        public static Spec in(
                Path work, String name, String task, String unit, String fingerprint) {
            Path log = work.resolve(name + "-loss.csv");
            return new Spec(
                    task,
                    unit,
                    Resumption.stateIn(work, name),
                    "work",
                    Optional.of(log),
                    fingerprint);
        }

        /**
         * Refuses another training's checkpoint before anything is made ready for this one.
         *
         * @throws TrainingException saying in what the two differ
         */
        public void requireOwnCheckpoint() {
            TrainingRun.requireOwnCheckpoint(state, fingerprint, configuration, setting);
        }
    }

    /**
     * Makes a job ready, and puts a checkpoint of it, where there is one, into the parameters.
     *
     * @param parameters what is trained, with its starting weights; stays the caller's
     * @param stop polled between steps
     * @throws TrainingException if the checkpoint is another training's, or there is nothing to
     *     train on
     */
    public TrainingJob(
            Spec spec,
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            Progress progress,
            BooleanSupplier stop) {
        this.spec = spec;
        this.options = options;
        this.progress = progress;
        this.stop = stop;
        this.run =
                new TrainingRun(
                        parameters,
                        objective,
                        options,
                        spec.state(),
                        spec.fingerprint(),
                        spec.configuration(),
                        spec.setting());
        this.resumedFrom = run.stepsDone();
    }

    /**
     * @param steps at most so many between checkpoints, of which there is one every four minutes
     *     too; 0 for these alone. Default: 2000
     */
    public void checkpointEvery(long steps) {
        checkpointEvery = steps;
    }

    /** As {@link TrainingRun#recompute}. */
    public void recompute(boolean wanted) {
        run.recompute(wanted);
    }

    /** Steps that earlier jobs had done. */
    public long resumedFrom() {
        return resumedFrom;
    }

    /** Every step so far, of earlier jobs too. */
    public List<LossPoint> curve() {
        return run.curve();
    }

    /** Rows per second of all steps so far, as the progress counts; not a number without any. */
    public double rowsPerSecond() {
        double seconds = 0;
        for (LossPoint p : run.curve()) {
            seconds += run.rows(p.step() - 1, p.step()) / p.imagesPerSecond();
        }
        return run.rows(0, run.stepsDone()) / seconds;
    }

    /** Trains to the last step; see {@link #run(long, LongConsumer)}. */
    public boolean run() {
        return run(options.steps(), step -> {});
    }

    /**
     * Trains, and ends with the moving average, where one is kept, in the parameters, be it that of
     * a stopped run. A job runs once.
     *
     * @param lastStep ends after so many steps of the options' schedule, from 1 to all
     * @param afterStep told after every step how many are done, before their checkpoint: what it
     *     writes is there for every job that goes on from it. It may change the parameters, or look
     *     at their average ({@link #withMovingAverage})
     * @return false when stopped before the last step; the state is on disk
     * @throws TrainingException if the training diverges
     * @throws SoupException if a checkpoint or the log cannot be written
     */
    public boolean run(long lastStep, LongConsumer afterStep) {
        progress.start(spec.task(), run.rows(0, lastStep), spec.unit());
        progress.skip(run.rows(0, resumedFrom));
        try (@Nullable LossLog log = spec.log().map(this::openLog).orElse(null)) {
            run.run(
                    checkpointEvery,
                    () -> run.stepsDone() >= lastStep || stop.getAsBoolean(),
                    p -> {
                        if (log != null) {
                            log.add(p);
                        }
                        progress.message(String.format(Locale.ROOT, "loss %.4f", p.loss()));
                        progress.advance(run.rows(p.step() - 1, p.step()));
                    },
                    afterStep);
        }
        run.useMovingAverage();
        return run.stepsDone() >= lastStep;
    }

    /** The log up to the checkpoint: steps after it, which a killed run did, come again. */
    private LossLog openLog(Path file) {
        Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SoupIoException("make", folder, e);
        }
        return LossLog.open(file, run.curve());
    }

    /** As {@link TrainingRun#withMovingAverage}. */
    public void withMovingAverage(Runnable use) {
        run.withMovingAverage(use);
    }

    /** Removes the checkpoint, once what was trained is safely written elsewhere. */
    public void discardState() {
        run.discardState();
    }

    /** Frees what training took; the checkpoint stays. */
    @Override
    public void close() {
        run.close();
    }
}
