package org.diffusionsoup.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * An axis with round ticks.
 *
 * @param low left or lower end, in data units
 * @param high other end, above {@code low}
 * @param log whether positions are logarithmic
 * @param ticks inside the ends
 */
record Axis(double low, double high, boolean log, List<Tick> ticks) {
    record Tick(double value, String label) {}

    private static final int MARKS = 8;

    /** Part of the axis that a label takes. */
    private static final double APART = 0.06;

    /** Ends at round values around the data. */
    static Axis linear(double min, double max, int wanted) {
        double step = step(min, max, wanted);
        double low = Math.floor(min / step + 1e-9) * step;
        double high = Math.ceil(max / step - 1e-9) * step;
        return linear(low, high > low ? high : low + step, step);
    }

    /** Ends exactly at the data: for steps, where nothing lies beyond the last. */
    static Axis tight(double min, double max, int wanted) {
        return linear(min, max > min ? max : min + 1, step(min, max, wanted));
    }

    private static Axis linear(double low, double high, double step) {
        List<Tick> ticks = new ArrayList<>();
        int digits = Math.max(0, (int) Math.ceil(-Math.log10(step) - 1e-9));
        boolean thousands = Math.max(Math.abs(low), Math.abs(high)) >= 10_000 && step >= 100;
        long first = (long) Math.ceil(low / step - 1e-9);
        for (long i = first; i * step <= high + step * 1e-9; i++) {
            double value = i * step;
            ticks.add(new Tick(value, thousands ? thousands(value) : Numbers.fixed(value, digits)));
        }
        return new Axis(low, high, false, ticks);
    }

    /** 1, 2 or 5 times a power of ten, giving about the wanted number of ticks. */
    private static double step(double min, double max, int wanted) {
        double span = max > min ? max - min : Math.max(Math.abs(min), 1);
        double raw = span / wanted;
        double power = Math.pow(10, Math.floor(Math.log10(raw)));
        double lead = raw / power;
        return (lead <= 1.2 ? 1 : lead <= 2.4 ? 2 : lead <= 6 ? 5 : 10) * power;
    }

    private static String thousands(double value) {
        if (value == 0) {
            return "0";
        }
        double k = value / 1000;
        return Numbers.fixed(k, k == Math.rint(k) ? 0 : 1) + "k";
    }

    /** The same with ends at 1, 2 or 5 times a power of ten, around the data. */
    static Axis roundedLogarithmic(double min, double max) {
        return logarithmic(neighbour(min, false), neighbour(max, true));
    }

    /** The nearest 1, 2 or 5 times a power of ten that is not on the wrong side. */
    private static double neighbour(double value, boolean above) {
        int e = (int) Math.floor(Math.log10(value));
        double best = above ? Math.pow(10, e + 1) : Math.pow(10, e);
        for (int lead : new int[] {2, 5, 1}) {
            double candidate = lead * Math.pow(10, e);
            if (above && candidate >= value * (1 - 1e-9)) {
                best = Math.min(best, candidate);
            } else if (!above && candidate <= value * (1 + 1e-9)) {
                best = Math.max(best, candidate);
            }
        }
        return best;
    }

    /** Decades; with 2 and 5 between them where there are few. Both ends above 0. */
    static Axis logarithmic(double min, double max) {
        double low = min;
        double high = max > min ? max : min * 10;
        boolean few = Math.log10(high / low) < 2.5;
        List<Tick> ticks = new ArrayList<>();
        for (int e = (int) Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
            for (int lead : few ? new int[] {1, 2, 5} : new int[] {1}) {
                double value = lead * Math.pow(10, e);
                if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
                    ticks.add(new Tick(value, power(lead, e)));
                }
            }
        }
        return new Axis(low, high, true, ticks);
    }

    /**
     * The same with its marks where the data are, if these are few, whole and stand apart:
     * checkpoints of a run, whose numbers are what the reader looks for.
     *
     * @param values ascending, without repeats, inside the ends
     */
    Axis markedAt(double[] values) {
        for (int i = 0; i < values.length; i++) {
            boolean apart = i == 0 || position(values[i]) - position(values[i - 1]) > APART;
            if (values.length > MARKS || values[i] != Math.rint(values[i]) || !apart) {
                return this;
            }
        }
        return new Axis(
                low,
                high,
                log,
                Arrays.stream(values)
                        .mapToObj(
                                v -> new Tick(v, v >= 10_000 ? thousands(v) : Numbers.fixed(v, 0)))
                        .toList());
    }

    /**
     * The same with room beyond the data.
     *
     * @param share of the new axis at either end, from 0 to below a half
     */
    Axis padded(double share) {
        double beyond = share / (1 - 2 * share);
        if (log) {
            double factor = Math.pow(high / low, beyond);
            return new Axis(low / factor, high * factor, true, ticks);
        }
        return new Axis(low - beyond * (high - low), high + beyond * (high - low), false, ticks);
    }

    private static String power(int lead, int exponent) {
        if (exponent < -4 || exponent > 6) {
            return String.format(Locale.ROOT, "%de%d", lead, exponent).replace('-', '−');
        }
        double value = lead * Math.pow(10, exponent);
        return value >= 1000 ? thousands(value) : Numbers.fixed(value, Math.max(0, -exponent));
    }

    /** Position in [0, 1] of a value inside the ends. */
    double position(double value) {
        return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    }
}
