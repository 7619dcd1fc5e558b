package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * A multistep solver in λ = log(γ/σ), half the logarithm of the signal-to-noise ratio, along which
 * the probability-flow equation has an exact linear part (Lu et al. 2022, DPM-Solver).
 */
abstract sealed class LogSnrScheduler extends Scheduler
        permits DpmSolverMultistepScheduler, UniPcMultistepScheduler {
    private final double[] sigmas;

    LogSnrScheduler(SchedulerConfig c, NoiseLevels levels) {
        super(c, levels.timesteps());
        sigmas = levels.sigmas();
    }

    static NoiseTable finite(SchedulerConfig c) {
        return c.table().withPositiveEnd(c.json().flag("rescale_betas_zero_snr", false));
    }

    @Override
    public final double[] sigmas() {
        return sigmas.clone();
    }

    final double gamma(int index) {
        return 1 / Math.sqrt(sigmas[index] * sigmas[index] + 1);
    }

    final double sigma(int index) {
        return sigmas[index] * gamma(index);
    }

    /** Infinite at the end of a run down to zero noise. */
    final double lambda(int index) {
        return -Math.log(sigmas[index]);
    }

    final Tensor cleanSample(Tensor prediction, Tensor x, int index) {
        return config.predictionType().cleanSample(prediction, x, gamma(index), sigma(index));
    }

    final Tensor noise(Tensor prediction, Tensor x, int index) {
        return config.predictionType().noise(prediction, x, gamma(index), sigma(index));
    }
}
