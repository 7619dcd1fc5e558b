package org.diffusionsoup.core.method;

import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * Spherical linear interpolation, tensor by tensor: (sin((1-t) O) a + sin(t O) b) / sin O, where O
 * is the angle between both tensors taken as vectors. Their lengths are not normalised first.
 *
 * <p>Source: Shoemake, 1985, "Animating Rotation with Quaternion Curves" (SIGGRAPH), the formula it
 * calls Slerp. Used on whole tensors, as merging tools do, the formula loses its meaning where both
 * point the same way or opposite ways, since sin O vanishes: with |cos O| above {@value #PARALLEL},
 * and where a tensor is all zeros, the interpolation is linear, (1-t) a + t b.
 *
 * @param from weights at t = 0
 * @param to weights at t = 1
 * @param t 0 to 1; tensors where it is 0 or 1 are copied
 */
public record Slerp(WeightExpr from, WeightExpr to, Factor t) implements WeightExpr {
    /** Above this |cosine| the interpolation is linear. */
    public static final double PARALLEL = 0.9995;

    /**
     * @throws SoupException if t is not from 0 to 1
     */
    public Slerp {
        t.checkRange("t of a slerp", Rational.ZERO, Rational.ONE);
    }

    Values plan(TensorScope scope) {
        Values a = Planner.values(from, scope);
        Values b = Planner.values(to, scope);
        double[] f = factors(sums(scope, a, b), t.at(scope.name()).doubleValue());
        if (!Double.isFinite(f[0]) || !Double.isFinite(f[1])) {
            throw new SoupException(
                    "Tensor '" + scope.name() + "' has values too large to be measured for slerp.");
        }
        return (w, out) -> {
            a.read(w, out);
            double[] other = w.take();
            b.read(w, other);
            for (int i = 0; i < w.count(); i++) {
                out[i] = Math.fma(f[0], out[i], f[1] * other[i]);
            }
            w.give(other);
        };
    }

    /** |a|^2, |b|^2 and a.b: summed per block, the blocks in order, whoever computed them. */
    private static double[] sums(TensorScope scope, Values a, Values b) {
        double[] total = new double[3];
        scope.scan(
                w -> {
                    double[] x = w.take();
                    double[] y = w.take();
                    a.read(w, x);
                    b.read(w, y);
                    double[] s = new double[3];
                    for (int i = 0; i < w.count(); i++) {
                        s[0] = Math.fma(x[i], x[i], s[0]);
                        s[1] = Math.fma(y[i], y[i], s[1]);
                        s[2] = Math.fma(x[i], y[i], s[2]);
                    }
                    w.give(x);
                    w.give(y);
                    return s;
                },
                s -> {
                    for (int i = 0; i < 3; i++) {
                        total[i] += s[i];
                    }
                });
        return total;
    }

    /** What a and b are multiplied with. StrictMath: the same on every machine. */
    static double[] factors(double[] sums, double t) {
        double cosine = sums[2] / (Math.sqrt(sums[0]) * Math.sqrt(sums[1]));
        if (sums[0] == 0 || sums[1] == 0 || Math.abs(cosine) > PARALLEL) {
            return new double[] {1 - t, t};
        }
        double angle = StrictMath.acos(cosine);
        double sine = StrictMath.sin(angle);
        return new double[] {
            StrictMath.sin((1 - t) * angle) / sine, StrictMath.sin(t * angle) / sine
        };
    }
}
