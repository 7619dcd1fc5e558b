package org.diffusionsoup.core.search;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;

/**
 * By how much one evaluation's mean is above another's, paired by prompt, with a percentile
 * bootstrap interval over prompts (Efron and Tibshirani 1993, chapter 13). The draws start from one
 * seed, so the same scores give the same interval.
 *
 * @param difference of the means: exactly 0 for a tie
 * @param low lower end of the 95 % interval; with a single prompt there is none, and both ends are
 *     infinite
 * @param high upper end
 * @param verdict what it means
 */
public record Improvement(double difference, double low, double high, Verdict verdict) {
    /** Level of the intervals. */
    public static final double CONFIDENCE = 0.95;

    private static final int RESAMPLES = 2000;
    private static final long SEED = 20_250_131;

    /** What a difference means. */
    public enum Verdict {
        /** Above 0, and so is its whole interval. */
        CLEAR,
        /** Above 0, but 0 lies in its interval: it may be chance. */
        WITHIN_NOISE,
        /** The means are equal: no improvement. */
        TIE,
        /** Below 0. */
        WORSE
    }

    /**
     * Compares a new evaluation with an old one.
     *
     * @throws SoupException if they have different numbers of prompts
     */
    public static Improvement of(Evaluation now, Evaluation before) {
        int n = now.scores().size();
        if (before.scores().size() != n) {
            throw new SoupException(
                    "One candidate was scored on %d prompts and another on %d."
                            .formatted(before.scores().size(), n));
        }
        double difference = now.mean() - before.mean();
        if (n < 2) {
            return new Improvement(
                    difference,
                    Double.NEGATIVE_INFINITY,
                    Double.POSITIVE_INFINITY,
                    verdict(difference, Double.NEGATIVE_INFINITY));
        }
        double[] each = new double[n];
        for (int p = 0; p < n; p++) {
            each[p] = now.scores().get(p) - before.scores().get(p);
        }
        SplittableRandom random = new SplittableRandom(SEED);
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            double sum = 0;
            for (int p = 0; p < n; p++) {
                sum += each[random.nextInt(n)];
            }
            means[r] = sum / n;
        }
        Arrays.sort(means);
        double tail = (1 - CONFIDENCE) / 2;
        double low = quantile(means, tail);
        return new Improvement(
                difference, low, quantile(means, 1 - tail), verdict(difference, low));
    }

    private static Verdict verdict(double difference, double low) {
        if (difference > 0) {
            return low > 0 ? Verdict.CLEAR : Verdict.WITHIN_NOISE;
        }
        return difference == 0 ? Verdict.TIE : Verdict.WORSE;
    }

    private static double quantile(double[] sorted, double q) {
        double at = q * (sorted.length - 1);
        int below = (int) Math.floor(at);
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
