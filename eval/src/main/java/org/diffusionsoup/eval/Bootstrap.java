package org.diffusionsoup.eval;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * Percentile bootstrap, mostly of a mean. The unit that is drawn again is the prompt: several seeds
 * of one prompt are averaged first, because they are not independent evidence about prompts.
 *
 * <p>Every call starts from the same seed, so the interval of the same values is always the same.
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. With fewer
 * than about 20 values percentile intervals are too narrow ({@link #caution}).
 *
 * @param resamples how often the values are drawn again, at least 100
 * @param confidence the level, in (0, 1)
 * @param seed of the draws
 */
public record Bootstrap(int resamples, double confidence, long seed) {
    private static final int FEW = 20;

    /**
     * @throws EvalException if there are under 100 resamples or the level is outside (0, 1)
     */
    public Bootstrap {
        if (resamples < 100) {
            throw new EvalException(
                    "A bootstrap needs at least 100 resamples, got %d.".formatted(resamples));
        }
        if (!(confidence > 0 && confidence < 1)) {
            throw new EvalException(
                    "A confidence level lies between 0 and 1, got %s.".formatted(confidence));
        }
    }

    /**
     * What a reader of intervals should know where they are of few values: over two, an interval is
     * hardly more than the two values.
     *
     * @param units how many values there are, such as prompts
     * @param name of such a value, in the plural
     * @return empty where there are 20 or more
     */
    public static Optional<String> caution(int units, String name) {
        return units >= FEW
                ? Optional.empty()
                : Optional.of(
                        String.format(
                                Locale.ROOT,
                                "Of %d %s bootstrap intervals are too narrow: that one excludes 0"
                                        + " says little with fewer than %d.",
                                units,
                                name,
                                FEW));
    }

    /** 4,000 resamples, 95 %. */
    public static Bootstrap seeded(long seed) {
        return new Bootstrap(4000, 0.95, seed);
    }

    /**
     * Interval of the mean of independent values.
     *
     * @throws EvalException if there are fewer than two values or one is not finite
     */
    public Interval mean(double[] values) {
        requireUsable(values);
        int n = values.length;
        SplittableRandom random = new SplittableRandom(seed);
        double[] means = new double[resamples];
        for (int r = 0; r < resamples; r++) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += values[random.nextInt(n)];
            }
            means[r] = sum / n;
        }
        Arrays.sort(means);
        double tail = (1 - confidence) / 2;
        return new Interval(
                average(values), quantile(means, tail), quantile(means, 1 - tail), confidence);
    }

    /**
     * Interval of mean(a) - mean(b) where {@code a[i]} and {@code b[i]} belong to the same prompt.
     * Pairing takes out how hard each prompt is, so it tells models apart whose own intervals
     * overlap.
     *
     * @throws EvalException if the lengths differ, are under two, or a value is not finite
     */
    public Interval pairedDifference(double[] a, double[] b) {
        if (a.length != b.length) {
            throw new EvalException(
                    "A paired difference needs values for the same prompts, got %d and %d."
                            .formatted(a.length, b.length));
        }
        double[] differences = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            differences[i] = a[i] - b[i];
        }
        return mean(differences);
    }

    /**
     * Interval of any statistic of independent units, such as a median or a ratio of sums.
     *
     * @param units how many there are, at least two
     * @param statistic of some units, given by their indices, some more than once
     * @throws EvalException if there are fewer than two units or a statistic is not finite
     */
    public Interval of(int units, ToDoubleFunction<int[]> statistic) {
        if (units < 2) {
            throw new EvalException(
                    "A confidence interval needs at least two units, got %d.".formatted(units));
        }
        int[] drawn = new int[units];
        Arrays.setAll(drawn, i -> i);
        double estimate = statistic.applyAsDouble(drawn);
        SplittableRandom random = new SplittableRandom(seed);
        double[] all = new double[resamples];
        for (int r = 0; r < resamples; r++) {
            for (int i = 0; i < units; i++) {
                drawn[i] = random.nextInt(units);
            }
            all[r] = statistic.applyAsDouble(drawn);
        }
        Arrays.sort(all); // what is not a number comes last
        double tail = (1 - confidence) / 2;
        return new Interval(estimate, quantile(all, tail), quantile(all, 1 - tail), confidence);
    }

    private static void requireUsable(double[] values) {
        if (values.length < 2) {
            throw new EvalException(
                    "A confidence interval needs at least two prompts, got %d."
                            .formatted(values.length));
        }
        for (int i = 0; i < values.length; i++) {
            if (!Double.isFinite(values[i])) {
                throw new EvalException(
                        "Value %d is %s; a mean of it would say nothing.".formatted(i, values[i]));
            }
        }
    }

    static double average(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    /** Linear interpolation between the two neighbouring order statistics. */
    static double quantile(double[] sorted, double q) {
        double position = q * (sorted.length - 1);
        int below = (int) Math.floor(position);
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
