package org.diffusionsoup.diffusion.schedule;

/**
 * One step of the reverse process as a Gaussian, from x_t to x_s with s before t, given the clean
 * sample x_0 that a denoiser implies at x_t. Its mean is that of p(x_s | x_t, x_0), √ᾱ_s β / (1 -
 * ᾱ_t) x_0 + √α (1 - ᾱ_s) / (1 - ᾱ_t) x_t with α = ᾱ_t / ᾱ_s, and its variance β = 1 - α. This is
 * the larger of the two variances of Ho et al. 2020, the one that is above 0 in the last step, too,
 * so that two denoisers can be compared by the distributions that they sample from.
 *
 * @param product ᾱ_t, in [0, 1); 0 where x_t is nothing but noise
 * @param before ᾱ_s, above it; 1 where x_s is the clean sample
 */
public record AncestralStep(double product, double before) {
    /**
     * @throws ScheduleException if the step takes no noise away
     */
    public AncestralStep {
        if (!(product >= 0 && product < before && before <= 1)) {
            throw new ScheduleException(
                    "an ancestral step leads to a larger share of signal, not from %s to %s"
                            .formatted(product, before));
        }
    }

    /** β, the variance of the step's noise. */
    public double beta() {
        return 1 - product / before;
    }

    /** What x_t counts in the mean. */
    public double scale() {
        return Math.sqrt(product / before) * (1 - before) / (1 - product);
    }

    /** What the clean sample counts in the mean. */
    public double cleanScale() {
        return Math.sqrt(before) * beta() / (1 - product);
    }

    /**
     * KL in nats between what two denoisers make of one x_t: half the squared distance of the means
     * over the variance. Added up along trajectories of the first and averaged, it is the KL of the
     * first's trajectories from the second's (Girsanov), which is at least that of the samples at
     * their ends.
     *
     * @param squaredDistance |x_0 - x_0'|² of the clean samples they imply, over all values
     */
    public double kl(double squaredDistance) {
        return cleanScale() * cleanScale() * squaredDistance / (2 * beta());
    }
}
