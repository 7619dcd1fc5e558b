package org.diffusionsoup.diffusion.schedule;

import java.util.Arrays;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * One run of a discretised reverse process (paper, Eq. 2), from pure noise to a clean sample. Made
 * by {@link SchedulerConfig#scheduler(int)}; for index i in 0, 1, ... a caller feeds {@link
 * #scaleModelInput} to the denoiser at {@code timesteps()[i]} and its prediction to {@link #step}.
 *
 * <p>A scheduler may remember earlier predictions: use it for one run, in order, and close it.
 */
public abstract sealed class Scheduler implements AutoCloseable
        permits DdimScheduler, DdpmScheduler, PndmScheduler, NoiseLevelScheduler, LogSnrScheduler {
    final SchedulerConfig config;
    private final double[] timesteps;
    private int next;

    Scheduler(SchedulerConfig config, double[] timesteps) {
        this.config = config;
        this.timesteps = timesteps;
    }

    /**
     * The timesteps at which the denoiser is called, in order. Whole numbers except for the
     * schedulers that interpolate noise levels; some methods visit a timestep twice.
     */
    public final double[] timesteps() {
        return timesteps.clone();
    }

    /** What standard normal latents are multiplied by before the first step. */
    public double initNoiseSigma() {
        return 1;
    }

    /**
     * What the denoiser is given for a sample.
     *
     * @param sample (N, ...)
     * @param index index of the timestep
     */
    public Tensor scaleModelInput(Tensor sample, int index) {
        return sample;
    }

    /**
     * The sample at the next, less noisy timestep.
     *
     * @param prediction the denoiser's output (N, ...)
     * @param index index of the timestep it was computed at; 0, 1, 2, ... in turn
     * @param sample the current sample (N, ...), unscaled
     * @param noise asked at most once; {@link NoiseSource#none()} suits deterministic schedulers
     * @throws ScheduleException if the index is not the one that is due
     */
    public final Tensor step(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        if (index != next || index >= timesteps.length) {
            throw new ScheduleException(
                    "step "
                            + index
                            + " of "
                            + timesteps.length
                            + " is asked for where step "
                            + next
                            + " is due; make a new scheduler for every run");
        }
        next++;
        return advance(prediction, index, sample, noise);
    }

    /**
     * Leaves out the first steps of the run, which then starts from a sample that {@link #addNoise}
     * made for its first timestep. Nothing is remembered of the steps left out: methods that use
     * earlier predictions begin with their lowest order, as at the start of a whole run.
     *
     * @param steps number of steps to leave out, fewer than the scheduler was made with
     * @return the index of the step that is due now
     * @throws ScheduleException if the method cannot start there, or steps were taken before
     */
    public final int skip(int steps) {
        int index = steps == 0 ? 0 : indexAfter(steps);
        if (next != 0 || steps < 0 || index >= timesteps.length) {
            throw new ScheduleException(
                    "a run of "
                            + timesteps.length
                            + " predictions cannot leave out "
                            + steps
                            + " steps after "
                            + next);
        }
        next = index;
        return index;
    }

    /** The index at which a step begins that has so many steps before it, one or more. */
    int indexAfter(int steps) {
        return steps;
    }

    abstract Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise);

    final double timestep(int index) {
        return timesteps[index];
    }

    final int steps() {
        return timesteps.length;
    }

    /**
     * The noise level σ/γ at every timestep and at the end of the run; empty for the schedulers
     * that do not work with noise levels (DDIM, DDPM, PNDM).
     */
    public double[] sigmas() {
        return new double[0];
    }

    /**
     * A clean sample with the noise of some of this run's timesteps, in the scale that {@link
     * #step} takes.
     *
     * @param clean x_0 (N, ...)
     * @param noise standard normal, of the same shape
     * @param timesteps one per row
     */
    public Tensor addNoise(Tensor clean, Tensor noise, double... timesteps) {
        return config.table()
                .addNoise(clean, noise, Arrays.stream(timesteps).mapToLong(Math::round).toArray());
    }

    /** Frees the predictions that are remembered. */
    @Override
    public void close() {}
}
