package org.diffusionsoup.eval.mixture;

import java.util.SplittableRandom;
import org.diffusionsoup.eval.EvalException;

/**
 * A Gaussian in the plane with a weight, as a component of a {@link Mixture}.
 *
 * @param weight above 0
 * @param x mean
 * @param y mean
 * @param xx variance of x
 * @param xy covariance
 * @param yy variance of y
 */
public record Gaussian(double weight, double x, double y, double xx, double xy, double yy) {
    /**
     * @throws EvalException if the weight is not above 0 or the covariance not positive definite
     */
    public Gaussian {
        if (!(weight > 0) || !(xx > 0) || !(xx * yy - xy * xy > 0)) {
            throw new EvalException(
                    "A Gaussian needs a weight above 0 and a positive definite covariance, not %s and [%s %s; %s %s]."
                            .formatted(weight, xx, xy, xy, yy));
        }
    }

    /** Of weight 1, round. */
    public static Gaussian round(double x, double y, double variance) {
        return new Gaussian(1, x, y, variance, 0, variance);
    }

    double determinant() {
        return xx * yy - xy * xy;
    }

    /** Logarithm of weight times density. */
    double logWeighted(double atX, double atY) {
        double dx = atX - x;
        double dy = atY - y;
        double det = determinant();
        double q = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / det;
        return Math.log(weight) - Math.log(2 * Math.PI) - 0.5 * Math.log(det) - 0.5 * q;
    }

    /** x of the gradient of the logarithm of the density. */
    double scoreX(double atX, double atY) {
        return -(yy * (atX - x) - xy * (atY - y)) / determinant();
    }

    double scoreY(double atX, double atY) {
        return -(xx * (atY - y) - xy * (atX - x)) / determinant();
    }

    /** One sample, by the Cholesky factor of the covariance. */
    double[] sample(SplittableRandom random) {
        double a = random.nextGaussian();
        double b = random.nextGaussian();
        double deviation = Math.sqrt(xx);
        return new double[] {
            x + deviation * a, y + xy / deviation * a + Math.sqrt(determinant() / xx) * b
        };
    }

    /** Of γ x_0 + σ ε: mean γ m, covariance γ² C + σ² I. */
    Gaussian diffused(double gamma, double sigma) {
        double g = gamma * gamma;
        double s = sigma * sigma;
        return new Gaussian(weight, gamma * x, gamma * y, g * xx + s, g * xy, g * yy + s);
    }

    /** KL(this ‖ other) in nats, whatever the weights. */
    public double kl(Gaussian other) {
        double dx = x - other.x;
        double dy = y - other.y;
        double det = other.determinant();
        double trace = (other.yy * xx - 2 * other.xy * xy + other.xx * yy) / det;
        double distance = (other.yy * dx * dx - 2 * other.xy * dx * dy + other.xx * dy * dy) / det;
        return (trace - 2 + distance + Math.log(det / determinant())) / 2;
    }

    /**
     * The max divergence sup log(this / other) in nats, whatever the weights. It is finite where
     * the other is wider in every direction, or the same.
     *
     * @return +∞ where the other's covariance less this one is not positive definite, unless both
     *     are one distribution
     */
    public double maxDivergence(Gaussian other) {
        double dx = x - other.x;
        double dy = y - other.y;
        double a = other.xx - xx;
        double b = other.xy - xy;
        double c = other.yy - yy;
        if (a == 0 && b == 0 && c == 0 && dx == 0 && dy == 0) {
            return 0;
        }
        double det = a * c - b * b;
        if (!(a > 0) || !(det > 0)) {
            return Double.POSITIVE_INFINITY;
        }
        double distance = (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / det;
        return (distance + Math.log(other.determinant() / determinant())) / 2;
    }

    /**
     * The normalised geometric mean of two, which is Gaussian: its precision is the mean of the
     * precisions, its mean the mean weighted by precision.
     */
    public static Gaussian geometricMean(Gaussian a, Gaussian b) {
        double da = a.determinant();
        double db = b.determinant();
        double pxx = (a.yy / da + b.yy / db) / 2;
        double pxy = -(a.xy / da + b.xy / db) / 2;
        double pyy = (a.xx / da + b.xx / db) / 2;
        double hx = ((a.yy * a.x - a.xy * a.y) / da + (b.yy * b.x - b.xy * b.y) / db) / 2;
        double hy = ((a.xx * a.y - a.xy * a.x) / da + (b.xx * b.y - b.xy * b.x) / db) / 2;
        double det = pxx * pyy - pxy * pxy;
        double xx = pyy / det;
        double xy = -pxy / det;
        double yy = pxx / det;
        return new Gaussian(1, xx * hx + xy * hy, xy * hx + yy * hy, xx, xy, yy);
    }
}
