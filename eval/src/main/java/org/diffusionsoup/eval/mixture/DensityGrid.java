package org.diffusionsoup.eval.mixture;

import java.util.List;
import java.util.SplittableRandom;

/**
 * A density on a square grid of midpoints, normalised by quadrature. Midpoint sums of smooth
 * functions that vanish at the edge converge faster than any power of the spacing; with a spacing
 * of no more than the narrowest Gaussian's deviation their error is below 1e-8.
 */
public final class DensityGrid {
    private final double half;
    private final int n;
    private final double[] mass;

    /**
     * @param half the grid covers [-half, half]²
     * @param n cells per side
     * @param mass of the cells, y by y; scaled to add up to 1
     */
    private DensityGrid(double half, int n, double[] mass) {
        this.half = half;
        this.n = n;
        this.mass = mass;
        double sum = 0;
        for (double m : mass) {
            sum += m;
        }
        for (int i = 0; i < mass.length; i++) {
            mass[i] /= sum;
        }
    }

    /** The normalised combination of distributions. */
    public static DensityGrid of(Combination how, List<Mixture> of, double half, int n) {
        double[] mass = new double[n * n];
        double[] score = new double[2];
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < mass.length; i++) {
            mass[i] = how.logDensity(of, at(i % n, half, n), at(i / n, half, n), score);
            most = Math.max(most, mass[i]);
        }
        for (int i = 0; i < mass.length; i++) {
            mass[i] = Math.exp(mass[i] - most);
        }
        return new DensityGrid(half, n, mass);
    }

    private static double at(int cell, double half, int n) {
        return -half + (cell + 0.5) * 2 * half / n;
    }

    /** Midpoint of a cell, in x or y. */
    public double at(int cell) {
        return at(cell, half, n);
    }

    /** Cells per side. */
    public int cells() {
        return n;
    }

    /** A cell's share of the whole. */
    public double mass(int ix, int iy) {
        return mass[iy * n + ix];
    }

    /** Mean and covariance, as a Gaussian of weight 1. */
    public Gaussian moments() {
        double x = 0;
        double y = 0;
        for (int i = 0; i < mass.length; i++) {
            x += mass[i] * at(i % n);
            y += mass[i] * at(i / n);
        }
        double xx = 0;
        double xy = 0;
        double yy = 0;
        for (int i = 0; i < mass.length; i++) {
            double dx = at(i % n) - x;
            double dy = at(i / n) - y;
            xx += mass[i] * dx * dx;
            xy += mass[i] * dx * dy;
            yy += mass[i] * dy * dy;
        }
        return new Gaussian(1, x, y, xx, xy, yy);
    }

    /** Independent samples, (count, 2): a cell by its mass, then a place in it. */
    public double[][] sample(int count, SplittableRandom random) {
        double[] sums = mass.clone();
        for (int i = 1; i < sums.length; i++) {
            sums[i] += sums[i - 1];
        }
        double cell = 2 * half / n;
        double[][] samples = new double[count][];
        for (int k = 0; k < count; k++) {
            int i =
                    java.util.Arrays.binarySearch(
                            sums, random.nextDouble() * sums[sums.length - 1]);
            int c = Math.min(i < 0 ? -i - 1 : i, sums.length - 1);
            samples[k] =
                    new double[] {
                        at(c % n) + (random.nextDouble() - 0.5) * cell,
                        at(c / n) + (random.nextDouble() - 0.5) * cell
                    };
        }
        return samples;
    }

    /**
     * KL(samples ‖ this) in nats over square bins: Σ q log(q / p), with q the share of samples in a
     * bin, and p this density's plus a floor of 1e-9, so that samples where there is no mass count
     * much but not infinitely. Of N exact samples it is about (bins in use - 1) / 2N, not 0.
     *
     * @param samples (count, 2); what lies outside the grid counts as one more bin
     * @param bins per side, a divisor of {@link #cells}
     */
    public double kl(double[][] samples, int bins) {
        double[] p = new double[bins * bins + 1];
        int per = n / bins;
        for (int i = 0; i < mass.length; i++) {
            p[i / n / per * bins + i % n / per] += mass[i];
        }
        double[] q = new double[p.length];
        for (double[] s : samples) {
            int bx = (int) Math.floor((s[0] + half) / (2 * half) * bins);
            int by = (int) Math.floor((s[1] + half) / (2 * half) * bins);
            boolean inside = bx >= 0 && bx < bins && by >= 0 && by < bins;
            q[inside ? by * bins + bx : bins * bins] += 1.0 / samples.length;
        }
        double kl = 0;
        for (int i = 0; i < p.length; i++) {
            if (q[i] > 0) {
                kl += q[i] * Math.log(q[i] / (p[i] + 1e-9));
            }
        }
        return kl;
    }

    /**
     * KL(this ‖ other) in nats by quadrature. Both should have next to no mass outside the grid.
     *
     * @param other normalised, and above 0 wherever this is
     */
    public double klTo(Mixture other) {
        double cell = 2 * half / n;
        double kl = 0;
        for (int i = 0; i < mass.length; i++) {
            if (mass[i] > 0) {
                double log = Math.log(mass[i] / (cell * cell));
                kl += mass[i] * (log - other.logDensity(at(i % n), at(i / n)));
            }
        }
        return kl;
    }

    /**
     * How far the combined diffused scores are from the score of the diffused combination: the root
     * of the mean of |difference|² over the diffused combination, and beside it the root of the
     * mean of |score|². This density is the combination at t = 0. The scores of its diffusion come
     * by quadrature over this grid, whose spacing should not exceed σ.
     *
     * @param diffused the distributions at (γ, σ)
     * @param places per side at which they are compared
     * @return {gap, size of the true score}
     */
    public double[] scoreGap(
            Combination how, List<Mixture> diffused, double gamma, double sigma, int places) {
        double[][] kernel = new double[places][n];
        double[][] slope = new double[places][n];
        for (int i = 0; i < places; i++) {
            for (int j = 0; j < n; j++) {
                double z = (at(i, half, places) - gamma * at(j)) / sigma;
                kernel[i][j] = Math.exp(-z * z / 2);
                slope[i][j] = -z / sigma * kernel[i][j];
            }
        }
        double[][] rows = along(kernel);
        double[][] slopes = along(slope);
        double[] score = new double[2];
        double weight = 0;
        double gap = 0;
        double size = 0;
        for (int iy = 0; iy < places; iy++) {
            for (int ix = 0; ix < places; ix++) {
                double p = dot(kernel[iy], rows[ix]);
                if (!(p > 1e-200)) {
                    continue;
                }
                double sx = dot(kernel[iy], slopes[ix]) / p;
                double sy = dot(slope[iy], rows[ix]) / p;
                how.logDensity(diffused, at(ix, half, places), at(iy, half, places), score);
                weight += p;
                gap += p * (Math.pow(score[0] - sx, 2) + Math.pow(score[1] - sy, 2));
                size += p * (sx * sx + sy * sy);
            }
        }
        return new double[] {Math.sqrt(gap / weight), Math.sqrt(size / weight)};
    }

    /** Σ over x of k[i][x] mass(x, y), as [i][y]. */
    private double[][] along(double[][] k) {
        double[][] out = new double[k.length][n];
        for (int i = 0; i < k.length; i++) {
            for (int y = 0; y < n; y++) {
                double sum = 0;
                for (int x = 0; x < n; x++) {
                    sum += k[i][x] * mass[y * n + x];
                }
                out[i][y] = sum;
            }
        }
        return out;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
