package org.diffusionsoup.workbench.study;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Statistics;

/**
 * Squared differences of predictions per row and timestep, and what follows from them with
 * intervals over rows.
 */
final class LinearMeasure {
    private final int rows;
    private final int values;
    private final double[] factors;
    private final Bootstrap bootstrap = Bootstrap.seeded(0);

    /**
     * @param rows two or more
     * @param values of one prediction
     * @param factors of differences in noise per timestep
     */
    LinearMeasure(int rows, int values, double[] factors) {
        this.rows = rows;
        this.values = values;
        this.factors = factors.clone();
    }

    /**
     * Squared differences of predictions.
     *
     * @return their mean over the values, in noise, [row][timestep]
     */
    double[][] squares(double[][] a, double[][] b) {
        double[][] squares = new double[rows][factors.length];
        for (int r = 0; r < rows; r++) {
            for (int t = 0; t < factors.length; t++) {
                double sum = 0;
                for (int v = t * values; v < (t + 1) * values; v++) {
                    double d = a[r][v] - b[r][v];
                    sum += d * d;
                }
                squares[r][t] = factors[t] * factors[t] * sum / values;
            }
        }
        return squares;
    }

    /** Predictions in double precision. */
    static double[][] rowsOf(float[][] a) {
        double[][] out = new double[a.length][];
        for (int r = 0; r < a.length; r++) {
            out[r] = new double[a[r].length];
            for (int v = 0; v < out[r].length; v++) {
                out[r][v] = a[r][v];
            }
        }
        return out;
    }

    /** into += factor × a. */
    static void add(double[][] into, double factor, float[][] a) {
        for (int r = 0; r < into.length; r++) {
            for (int v = 0; v < into[r].length; v++) {
                into[r][v] += factor * a[r][v];
            }
        }
    }

    /** into += a, of squares. */
    static void add(double[][] into, double[][] a) {
        for (int r = 0; r < into.length; r++) {
            for (int t = 0; t < into[r].length; t++) {
                into[r][t] += a[r][t];
            }
        }
    }

    /** All timesteps. */
    int[] everywhere() {
        return IntStream.range(0, factors.length).toArray();
    }

    /** Root of the mean square at some timesteps. */
    Interval size(double[][] squares, int... timesteps) {
        return bootstrap.of(
                rows, drawn -> Math.sqrt(sum(squares, drawn, timesteps) / rows / timesteps.length));
    }

    /** Root of the ratio of two mean squares at some timesteps. */
    Interval ratio(double[][] above, double[][] below, int... timesteps) {
        return bootstrap.of(
                rows,
                drawn -> Math.sqrt(sum(above, drawn, timesteps) / sum(below, drawn, timesteps)));
    }

    /** Exponent of the size over scales, at all timesteps. */
    Interval exponent(double[] scales, double[][][] squares) {
        return bootstrap.of(
                rows,
                drawn ->
                        Statistics.exponent(
                                scales,
                                Arrays.stream(squares)
                                        .mapToDouble(s -> Math.sqrt(sum(s, drawn, everywhere())))
                                        .toArray()));
    }

    private static double sum(double[][] squares, int[] drawn, int[] timesteps) {
        double sum = 0;
        for (int r : drawn) {
            for (int t : timesteps) {
                sum += squares[r][t];
            }
        }
        return sum;
    }
}
