package org.diffusionsoup.diffusion.train;

import static org.diffusionsoup.diffusion.train.BaseConfiguration.NONE;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Recomputation;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.jspecify.annotations.Nullable;

/**
 * A resumable training run of one model on one objective.
 *
 * <p>Every random number of step k comes from generators seeded by (seed, k), and checkpoints hold
 * weights, moments and moving average in full, so a run that was stopped anywhere and resumed ends
 * in the same bytes as one that was not (same machine, same number of threads).
 */
public final class TrainingRun implements AutoCloseable {
    /** How a call of {@link #run} ended. */
    public enum End {
        /** All steps are done. */
        FINISHED,
        /** Asked to stop; the state is on disk. */
        STOPPED
    }

    /** Weights averaged at a time: temporaries stay small and in the caches. */
    private static final long AVERAGED = 1 << 17;

    private final Parameters parameters;
    private final Objective objective;
    private final TrainingOptions options;
    private final RowOrder order;
    private final TrainingState state;
    private final AdamW optimizer;
    private final List<LossPoint> curve = new ArrayList<>();
    private final @Nullable Tensor ema;
    private boolean recomputing;

    /**
     * Prepares a run, and resumes it where {@code stateDir} holds a checkpoint of the same run.
     *
     * @param fingerprint names the run (recipe, data, base); a checkpoint of another one is refused
     */
    public TrainingRun(
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            Path stateDir,
            String fingerprint) {
        this(parameters, objective, options, stateDir, fingerprint, NONE, "stateDir");
    }

    /**
     * Prepares a run as above.
     *
     * @param configuration of what it starts from, which a checkpoint has to share if it has one
     * @param setting of the caller's that decides where {@code stateDir} is, such as {@code
     *     "work"}: who meets another run's checkpoint there is told to give another one
     */
    public TrainingRun(
            Parameters parameters,
            Objective objective,
            TrainingOptions options,
            Path stateDir,
            String fingerprint,
            BaseConfiguration configuration,
            String setting) {
        if (objective.rows() == 0) {
            throw new TrainingException("there is nothing to train on: the shard has no rows");
        }
        this.parameters = parameters;
        this.objective = objective;
        this.options = options;
        this.order =
                new RowOrder(
                        objective.rows(),
                        options.batch(),
                        objective.buckets(),
                        Rng.mix(options.seed(), -2));
        this.state = new TrainingState(stateDir, fingerprint, configuration, setting);
        parameters.train();
        this.optimizer =
                new AdamW(
                        parameters,
                        options.beta1(),
                        options.beta2(),
                        options.eps(),
                        options.weightDecay());
        if (options.emaDecay() > 0) {
            try (Scope s = Scope.open()) {
                ema = Tensor.empty(parameters.count()).copy_(parameters.flat().detach()).keep();
            }
        } else {
            ema = null;
        }
        state.load(parameters, optimizer, ema, curve);
    }

    /**
     * Refuses a folder that holds the checkpoint of another run, before anything is made ready for
     * this one.
     *
     * @param stateDir as of the run
     * @param fingerprint as of the run
     * @param configuration as of the run
     * @param setting as of the run
     * @throws TrainingException saying in what the two runs differ
     */
    public static void requireOwnCheckpoint(
            Path stateDir, String fingerprint, BaseConfiguration configuration, String setting) {
        new TrainingState(stateDir, fingerprint, configuration, setting).requireOwn();
    }

    /** Removes a finished run's checkpoint, and none of another run. */
    public static void discardState(Path stateDir, String fingerprint) {
        new TrainingState(stateDir, fingerprint, NONE, "").deleteOwn();
    }

    /** Steps that the checkpoint in a folder has done, whatever run it is of; 0 without one. */
    public static long checkpointedSteps(Path stateDir) {
        return new TrainingState(stateDir, "", NONE, "").steps();
    }

    /**
     * Whether to compute a model's activations again in the backward pass ({@link Recomputation}),
     * which takes less memory and more time. It changes no bit of the run.
     */
    public void recompute(boolean wanted) {
        recomputing = wanted;
    }

    /** Steps done so far, from this call or an earlier one. */
    public long stepsDone() {
        return optimizer.steps();
    }

    /** The loss of every step so far. */
    public List<LossPoint> curve() {
        return List.copyOf(curve);
    }

    /**
     * Trains until all steps are done or {@code stop} says so.
     *
     * @param checkpointEvery steps between checkpoints; one is also written at least every four
     *     minutes, on stopping and at the end
     * @param listener told about every step
     */
    public End run(long checkpointEvery, BooleanSupplier stop, Consumer<LossPoint> listener) {
        return run(checkpointEvery, stop, listener, steps -> {});
    }

    /**
     * As above, with someone who keeps models on the way.
     *
     * @param keeper told after every step how many are done, always before the checkpoint of that
     *     step: what it writes then is there for every run that resumes at or after the step. It
     *     may call {@link #withMovingAverage} and {@link #curve}
     */
    public End run(
            long checkpointEvery,
            BooleanSupplier stop,
            Consumer<LossPoint> listener,
            LongConsumer keeper) {
        long lastSave = System.nanoTime();
        while (optimizer.steps() < options.steps()) {
            if (stop.getAsBoolean()) {
                state.save(parameters, optimizer, ema, curve);
                return End.STOPPED;
            }
            LossPoint p = step(optimizer.steps());
            curve.add(p);
            keeper.accept(optimizer.steps());
            listener.accept(p);
            boolean due = checkpointEvery > 0 && optimizer.steps() % checkpointEvery == 0;
            if (due || System.nanoTime() - lastSave > 240_000_000_000L) {
                state.save(parameters, optimizer, ema, curve);
                lastSave = System.nanoTime();
            }
        }
        state.save(parameters, optimizer, ema, curve);
        return End.FINISHED;
    }

    /**
     * Rows that some steps take, which are fewer than batch times accumulation where batches of
     * buckets are incomplete ({@link Objective#buckets}).
     *
     * @param from steps before them
     * @param to steps up to the last of them
     */
    public long rows(long from, long to) {
        return order.count(from * options.accumulation(), to * options.accumulation());
    }

    private int[][] batches(long k) {
        int[][] batches = new int[options.accumulation()][];
        for (int a = 0; a < batches.length; a++) {
            batches[a] = order.batch(k * options.accumulation() + a);
        }
        return batches;
    }

    /**
     * One step. Its gradient is the sum over its rows divided by how many a step of full batches
     * has: a row of an incomplete batch weighs what every other does, and not more for being alone.
     * The loss that is told is the mean over the rows.
     */
    private LossPoint step(long k) {
        long start = System.nanoTime();
        int[][] batches = batches(k);
        double full = (double) options.batch() * options.accumulation();
        int taken = Arrays.stream(batches).mapToInt(b -> b.length).sum();
        parameters.flatGrad().zero_();
        double total = 0;
        for (int a = 0; a < options.accumulation(); a++) {
            long micro = k * options.accumulation() + a;
            objective.begin(micro);
            int[] rows = batches[a];
            long seed = Rng.mix(options.seed(), micro);
            try (Scope s = Scope.open();
                    Rng rng = new Rng(seed);
                    Recomputation memory = Recomputation.open(recomputing)) {
                Tensor loss;
                try (Torch.Guard half = Torch.bfloat16Compute(options.bfloat16())) {
                    loss = objective.loss(rows, rng, new SplittableRandom(seed));
                }
                // Both are the number of batches, exactly, where all are full.
                memory.backward(loss.div(full / rows.length));
                total += loss.item() / (float) ((double) taken / rows.length);
            }
        }
        double norm = parameters.gradientNorm();
        if (!Double.isFinite(total) || !Double.isFinite(norm)) {
            throw new TrainingException(
                    "training diverged at step "
                            + (k + 1)
                            + " (loss "
                            + total
                            + ", gradient norm "
                            + norm
                            + "); start again with a lower `learningRate`"
                            + (options.bfloat16() ? ", and without `bfloat16`" : ""));
        }
        if (options.clipNorm() > 0 && norm > options.clipNorm()) {
            try (Scope s = Scope.open()) {
                parameters.flatGrad().mul_(options.clipNorm() / (norm + 1e-6));
            }
        }
        double lr = options.learningRateAt(k);
        optimizer.step(lr);
        if (ema != null) {
            // Short runs should not average in the start for ever.
            double decay = Math.min(options.emaDecay(), (1.0 + k) / (10.0 + k));
            average(ema, parameters.flat(), 1 - decay);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return new LossPoint(k + 1, total, norm, lr, taken / seconds);
    }

    /**
     * Moves an average towards the weights, piece by piece. It is what {@code lerp_} computes,
     * whose kernel takes one element at a time: a quarter of a step on a model of ten million
     * weights.
     */
    private static void average(Tensor average, Tensor weights, double share) {
        long count = average.size(0);
        long piece = Torch.piece(AVERAGED);
        for (long at = 0; at < count; at += piece) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                long n = Math.min(piece, count - at);
                Tensor some = average.narrow(0, at, n);
                some.add_(weights.narrow(0, at, n).sub(some), share);
            }
        }
    }

    /**
     * Puts the moving average into the model, where one was kept. Call it after the last step; the
     * checkpoint on disk keeps the raw weights.
     */
    public void useMovingAverage() {
        if (ema != null) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                parameters.flat().copy_(ema);
            }
        }
    }

    /**
     * Does something with the moving average in the model, where one is kept, and goes on with the
     * weights in training, which come back to the bit.
     *
     * @param use what to do; it must not train
     */
    public void withMovingAverage(Runnable use) {
        exchangeWithAverage();
        try {
            use.run();
        } finally {
            exchangeWithAverage();
        }
    }

    /** In pieces, so that no second copy of the weights is needed. */
    private void exchangeWithAverage() {
        if (ema == null) {
            return;
        }
        for (long at = 0; at < ema.size(0); at += AVERAGED) {
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                long n = Math.min(AVERAGED, ema.size(0) - at);
                Tensor average = ema.narrow(0, at, n);
                Tensor weights = parameters.flat().narrow(0, at, n);
                Tensor before = Tensor.empty(n).copy_(weights);
                weights.copy_(average);
                average.copy_(before);
            }
        }
    }

    /** Removes the checkpoint, once what was trained is safely written elsewhere. */
    public void discardState() {
        state.delete();
    }

    @Override
    public void close() {
        optimizer.close();
        if (ema != null) {
            ema.release();
        }
    }
}
