package org.diffusionsoup.eval;

import java.util.Arrays;

/** Statistics of a few numbers. */
public final class Statistics {
    private Statistics() {}

    /**
     * The median; of an even number of values the mean of the two in the middle.
     *
     * @throws EvalException if there is none
     */
    public static double median(double... values) {
        if (values.length == 0) {
            throw new EvalException("A median needs at least one value.");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return Bootstrap.quantile(sorted, 0.5);
    }

    /** Root of the mean of the squares. */
    public static double rootMeanSquare(double... values) {
        double sum = 0;
        for (double v : values) {
            sum += v * v;
        }
        return Math.sqrt(sum / values.length);
    }

    /**
     * The exponent p of the power law y = c x^p that fits best: the slope of log y on log x by
     * least squares.
     *
     * @param x above 0, at least two different ones
     * @param y above 0, one per x
     * @throws EvalException if the lengths differ, or a value suits no logarithm or all x are one
     */
    public static double exponent(double[] x, double[] y) {
        if (x.length != y.length) {
            throw new EvalException(
                    "A power law needs a y for every x, got %d and %d."
                            .formatted(x.length, y.length));
        }
        double[] u = logs(x);
        double[] v = logs(y);
        double meanU = Bootstrap.average(u);
        double meanV = Bootstrap.average(v);
        double above = 0;
        double below = 0;
        for (int i = 0; i < u.length; i++) {
            above += (u[i] - meanU) * (v[i] - meanV);
            below += (u[i] - meanU) * (u[i] - meanU);
        }
        if (!(below > 0)) {
            throw new EvalException("An exponent needs at least two different x.");
        }
        return above / below;
    }

    private static double[] logs(double[] values) {
        double[] logs = new double[values.length];
        for (int i = 0; i < logs.length; i++) {
            if (!(values[i] > 0) || Double.isInfinite(values[i])) {
                throw new EvalException(
                        "A power law goes through numbers above 0, not %s.".formatted(values[i]));
            }
            logs[i] = Math.log(values[i]);
        }
        return logs;
    }
}
