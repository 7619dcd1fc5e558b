package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
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

    /** The order of a step, the first of which is 0, in a run that begins with that. */
    abstract int orderAt(int index);

    /** Whether all that a step multiplies with and divides by is finite, and no divisor 0. */
    abstract boolean isSound(int index, int order);

    /** The field that makes the last step one of order 1. */
    abstract String lowered();

    /**
     * Refuses settings with which a step would divide by zero or multiply zero with infinity: in
     * diffusers the picture is NaN then.
     *
     * @param ofNoise the field by which outputs are predicted noise, which has no end at zero
     *     noise; empty where they are clean samples
     * @throws UnsupportedConfigException naming the field and what to change
     */
    final void requireSound(String ofNoise) {
        for (int i = 0; i < steps(); i++) {
            int order = orderAt(i);
            if (!isSound(i, order)) {
                throw new UnsupportedConfigException(
                        config.json().source() + ": " + unsound(i, order, ofNoise));
            }
        }
    }

    private String unsound(int index, int order, String ofNoise) {
        boolean zero = !(sigmas[index + 1] > 0);
        JsonConfig o = config.json();
        if (zero && !ofNoise.isEmpty()) {
            return "%s %s cannot end at zero noise; set final_sigmas_type to sigma_min%s"
                    .formatted(
                            ofNoise,
                            o.node().path(ofNoise).asText(),
                            ofNoise.equals("predict_x0") ? ", or predict_x0 to true" : "");
        }
        boolean last = index == steps() - 1;
        String remedy =
                last
                        ? "set %s to true".formatted(lowered())
                        : "set solver_order to %d".formatted(order - 1);
        return zero
                ? "%s %s with solver_order %d cannot end at zero noise; %s, or final_sigmas_type to sigma_min"
                        .formatted(lowered(), o.flag(lowered(), false), order, remedy)
                : "step %d of %d with solver_order %d goes from noise level %s to %s, and the weights of such a step are not finite; %s"
                        .formatted(
                                index + 1,
                                steps(),
                                order,
                                (float) sigmas[index],
                                (float) sigmas[index + 1],
                                remedy);
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
