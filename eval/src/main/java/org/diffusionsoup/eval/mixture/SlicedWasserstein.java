package org.diffusionsoup.eval.mixture;

import java.util.Arrays;
import org.diffusionsoup.eval.EvalException;

/**
 * The sliced Wasserstein distance of two samples in the plane: the root of the mean, over
 * directions at equal angles, of the squared 2-Wasserstein distance of the projections (Rabin et
 * al. 2011), in the plane's units.
 */
public final class SlicedWasserstein {
    private static final int DIRECTIONS = 32;

    private SlicedWasserstein() {}

    /**
     * @param a (count, 2)
     * @param b as many
     */
    public static double distance(double[][] a, double[][] b) {
        if (a.length != b.length || a.length == 0) {
            throw new EvalException(
                    "Two samples of one size are compared, not %d and %d."
                            .formatted(a.length, b.length));
        }
        double sum = 0;
        for (int d = 0; d < DIRECTIONS; d++) {
            double angle = Math.PI * d / DIRECTIONS;
            double[] p = projected(a, Math.cos(angle), Math.sin(angle));
            double[] q = projected(b, Math.cos(angle), Math.sin(angle));
            for (int i = 0; i < p.length; i++) {
                sum += (p[i] - q[i]) * (p[i] - q[i]) / p.length;
            }
        }
        return Math.sqrt(sum / DIRECTIONS);
    }

    private static double[] projected(double[][] points, double x, double y) {
        double[] p = new double[points.length];
        for (int i = 0; i < p.length; i++) {
            p[i] = x * points[i][0] + y * points[i][1];
        }
        Arrays.sort(p);
        return p;
    }
}
