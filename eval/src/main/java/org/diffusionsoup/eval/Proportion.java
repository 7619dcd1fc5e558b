package org.diffusionsoup.eval;

/**
 * A share of hits, with Wilson's interval, which stays sensible at 0 and 1 where a bootstrap
 * collapses to a point. Source: Wilson, Probable Inference (JASA, 1927).
 *
 * @param hits successes, 0 to {@code total}
 * @param total trials, at least 1
 */
public record Proportion(long hits, long total) {

    /**
     * @throws EvalException if the counts are impossible
     */
    public Proportion {
        if (total < 1 || hits < 0 || hits > total) {
            throw new EvalException("%d hits of %d is not a share.".formatted(hits, total));
        }
    }

    /** hits / total, in [0, 1]. */
    public double value() {
        return (double) hits / total;
    }

    /**
     * Wilson's interval, inside [0, 1].
     *
     * @param confidence the level, in (0, 1)
     */
    public Interval interval(double confidence) {
        double z = normalQuantile((1 + confidence) / 2);
        double z2 = z * z;
        double p = value();
        double centre = (p + z2 / (2 * total)) / (1 + z2 / total);
        double half =
                z * Math.sqrt(p * (1 - p) / total + z2 / (4.0 * total * total)) / (1 + z2 / total);
        // At 0 and 1 the exact end is the share itself; rounding must not push it past.
        double low = hits == 0 ? 0 : Math.max(0, centre - half);
        double high = hits == total ? 1 : Math.min(1, centre + half);
        return new Interval(p, low, high, confidence);
    }

    /** Where the standard normal distribution reaches {@code q} in (0.5, 1), by bisection. */
    static double normalQuantile(double q) {
        double low = 0;
        double high = 9;
        for (int i = 0; i < 60; i++) {
            double middle = (low + high) / 2;
            if (0.5 + halfNormal(middle) < q) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return (low + high) / 2;
    }

    /** Integral of the standard normal density from 0 to x, Simpson's rule. */
    private static double halfNormal(double x) {
        int steps = 400;
        double h = x / steps;
        double sum = 1 + Math.exp(-x * x / 2);
        for (int i = 1; i < steps; i++) {
            double t = i * h;
            sum += (i % 2 == 0 ? 2 : 4) * Math.exp(-t * t / 2);
        }
        return sum * h / 3 / Math.sqrt(2 * Math.PI);
    }
}
