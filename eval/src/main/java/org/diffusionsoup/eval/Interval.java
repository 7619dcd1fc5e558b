package org.diffusionsoup.eval;

import java.util.function.DoubleFunction;
import org.diffusionsoup.core.Decimals;

/**
 * A number and the interval it is known to.
 *
 * @param estimate the number, in the unit of what is measured
 * @param low lower end, at most {@code high}
 * @param high upper end
 * @param confidence the level, in (0, 1): 0.95 for a 95 % interval
 */
public record Interval(double estimate, double low, double high, double confidence) {

    /**
     * @throws EvalException if an end is not finite, the ends are swapped, or the level is outside
     *     (0, 1)
     */
    public Interval {
        if (!Double.isFinite(estimate) || !Double.isFinite(low) || !Double.isFinite(high)) {
            throw new EvalException(
                    "An interval needs finite ends, got %s in [%s, %s]."
                            .formatted(estimate, low, high));
        }
        if (low > high) {
            throw new EvalException(
                    "An interval's ends are swapped: [%s, %s].".formatted(low, high));
        }
        if (!(confidence > 0 && confidence < 1)) {
            throw new EvalException(
                    "A confidence level lies between 0 and 1, got %s.".formatted(confidence));
        }
    }

    /** Whether the value lies in the closed interval. */
    public boolean contains(double value) {
        return low <= value && value <= high;
    }

    /** Whether the two intervals share a point. */
    public boolean overlaps(Interval other) {
        return low <= other.high && other.low <= high;
    }

    /** Half the interval's width. */
    public double halfWidth() {
        return (high - low) / 2;
    }

    /**
     * Whether it is one point: all that was measured is the same, and nothing is left to chance.
     */
    public boolean isPoint() {
        return low == high && low == estimate;
    }

    /**
     * {@code 0.281 [0.270, 0.293]} with this many digits after the point; of a point {@code 0.281}.
     */
    public String format(int digits) {
        return format(v -> Decimals.of(v, digits));
    }

    /**
     * The same of a difference: with a plus sign where a number is above 0, and a true minus where
     * it is below, as {@code +0.281 [−0.010, +0.293]}.
     */
    public String formatSigned(int digits) {
        return format(v -> Decimals.signed(v, digits)).replace('-', '−');
    }

    /** The same as {@link #format(int)} with true minus signs, as pages have them. */
    public String formatTyped(int digits) {
        return format(digits).replace('-', '−');
    }

    private String format(DoubleFunction<String> text) {
        if (isPoint()) {
            return text.apply(estimate);
        }
        return "%s [%s, %s]".formatted(text.apply(estimate), text.apply(low), text.apply(high));
    }
}
