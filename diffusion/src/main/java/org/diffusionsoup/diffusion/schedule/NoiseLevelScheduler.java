package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * A solver whose samples are x = x_t / γ_t, so that they hold x_0 plus noise of standard deviation
 * σ_t / γ_t (Karras et al. 2022); called σ here, as in the sources of the methods.
 */
abstract sealed class NoiseLevelScheduler extends Scheduler
        permits EulerDiscreteScheduler,
                EulerAncestralDiscreteScheduler,
                LmsDiscreteScheduler,
                HeunDiscreteScheduler {
    private final double[] sigmas;
    private final double initNoiseSigma;

    NoiseLevelScheduler(SchedulerConfig c, NoiseLevels levels) {
        super(c, levels.timesteps());
        sigmas = levels.sigmas();
        double highest = 0;
        for (double s : sigmas) {
            highest = Math.max(highest, s);
        }
        initNoiseSigma =
                c.spacing("linspace") == TimestepSpacing.LEADING
                        ? Math.sqrt(highest * highest + 1)
                        : highest;
    }

    /** The config's table, its last level finite even where it was trained without signal. */
    static NoiseTable finite(SchedulerConfig c) {
        return c.table().withPositiveEnd(c.json().flag("rescale_betas_zero_snr", false));
    }

    @Override
    public final double initNoiseSigma() {
        return initNoiseSigma;
    }

    @Override
    public final double[] sigmas() {
        return sigmas.clone();
    }

    final double sigma(int index) {
        return sigmas[index];
    }

    @Override
    public final Tensor scaleModelInput(Tensor sample, int index) {
        return sample.div(Math.sqrt(sigmas[index] * sigmas[index] + 1));
    }

    /** x + σ ε at some of this run's timesteps, one per row. */
    @Override
    public final Tensor addNoise(Tensor clean, Tensor noise, double... timesteps) {
        float[] rows = new float[timesteps.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) sigmas[indexOf(timesteps[i])];
        }
        return clean.add(noise.mul(NoiseTable.perRow(clean, rows)));
    }

    private int indexOf(double timestep) {
        for (int i = 0; i < steps(); i++) {
            if (Math.abs(timestep(i) - timestep) < 1e-3) {
                return i;
            }
        }
        throw new ScheduleException("this run does not visit timestep " + timestep);
    }

    /** The slope dx/dσ = (x - x_0) / σ that a prediction implies at a noise level. */
    final Tensor slope(Tensor prediction, Tensor x, double sigma) {
        return x.sub(clean(prediction, x, sigma)).div(sigma);
    }

    Tensor clean(Tensor prediction, Tensor x, double sigma) {
        double scale = sigma * sigma + 1;
        return switch (config.predictionType()) {
            case EPSILON -> x.sub(prediction.mul(sigma));
            case V_PREDICTION -> prediction.mul(-sigma / Math.sqrt(scale)).add(x.div(scale));
            case SAMPLE -> prediction;
        };
    }
}
