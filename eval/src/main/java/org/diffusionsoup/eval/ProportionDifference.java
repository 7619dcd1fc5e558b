package org.diffusionsoup.eval;

import java.util.List;

/**
 * Newcombe's intervals for the difference of two shares, made of Wilson's for each: unlike a
 * bootstrap they stay sensible where neither or only one of the shares is 0. Sources: Newcombe,
 * Interval estimation for the difference between independent proportions (Statistics in Medicine
 * 17, 873-890, 1998), method 10; and Improved confidence intervals for the difference between
 * binomial proportions based on paired data (the same volume, 2635-2650), method 10.
 */
public final class ProportionDifference {
    private ProportionDifference() {}

    /**
     * Interval of a − b for shares of different things.
     *
     * @param confidence the level, in (0, 1)
     * @return inside [-1, 1]
     */
    public static Interval unpaired(Proportion a, Proportion b, double confidence) {
        return squareAndAdd(a, b, 0, confidence);
    }

    /**
     * Interval of a − b for two answers about the same things, which tells apart what their own
     * intervals cannot where both mostly agree.
     *
     * @param a whether each thing is a hit for the one
     * @param b for the other, in the same order
     * @param confidence the level, in (0, 1)
     * @return inside [-1, 1]
     * @throws EvalException if the lists differ in length or are empty
     */
    public static Interval paired(List<Boolean> a, List<Boolean> b, double confidence) {
        if (a.size() != b.size()) {
            throw new EvalException(
                    "A paired difference needs answers about the same things, got %d and %d."
                            .formatted(a.size(), b.size()));
        }
        long both = 0;
        long onlyA = 0;
        long onlyB = 0;
        for (int i = 0; i < a.size(); i++) {
            both += a.get(i) && b.get(i) ? 1 : 0;
            onlyA += a.get(i) && !b.get(i) ? 1 : 0;
            onlyB += !a.get(i) && b.get(i) ? 1 : 0;
        }
        long n = a.size();
        long neither = n - both - onlyA - onlyB;
        return squareAndAdd(
                new Proportion(both + onlyA, n),
                new Proportion(both + onlyB, n),
                correlation(both, onlyA, onlyB, neither),
                confidence);
    }

    /** φ of the table of counts, a positive one with Newcombe's correction for continuity. */
    private static double correlation(double both, double onlyA, double onlyB, double neither) {
        double margins = (both + onlyA) * (onlyB + neither) * (both + onlyB) * (onlyA + neither);
        double excess = both * neither - onlyA * onlyB;
        double n = both + onlyA + onlyB + neither;
        double corrected = excess > 0 ? Math.max(0, excess - n / 2) : excess;
        return margins == 0 ? 0 : corrected / Math.sqrt(margins);
    }

    private static Interval squareAndAdd(
            Proportion a, Proportion b, double phi, double confidence) {
        Interval ofA = a.interval(confidence);
        Interval ofB = b.interval(confidence);
        double difference = a.value() - b.value();
        double below = length(a.value() - ofA.low(), ofB.high() - b.value(), phi);
        double above = length(ofA.high() - a.value(), b.value() - ofB.low(), phi);
        return new Interval(
                difference,
                Math.max(-1, difference - below),
                Math.min(1, difference + above),
                confidence);
    }

    private static double length(double x, double y, double phi) {
        return Math.sqrt(Math.max(0, x * x - 2 * phi * x * y + y * y));
    }
}
