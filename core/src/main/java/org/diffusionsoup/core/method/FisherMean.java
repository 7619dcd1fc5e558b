package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * Fisher-weighted mean, element by element: sum_i k_i F_i w_i / sum_i k_i F_i, with the diagonal of
 * each model's Fisher information.
 *
 * <p>Source: Matena, Raffel, 2022, "Merging Models with Fisher-Weighted Averaging" (NeurIPS): the
 * closed form for diagonal Fisher matrices, with the paper's lambda_i as k_i. A small floor keeps
 * elements that matter to no model defined: an F_i below it counts as it.
 *
 * @param terms at least one
 * @param floor least Fisher value, above 0
 */
public record FisherMean(List<Term> terms, Rational floor) implements WeightExpr {
    /** The floor unless told otherwise. */
    public static final Rational FLOOR = Rational.parse("1e-6");

    /**
     * One term.
     *
     * @param k its coefficient, at least 0
     * @param of its weights
     * @param fisher the name of the input with its Fisher values, at least 0, under the same keys
     *     and in the same shapes as the weights
     */
    public record Term(Factor k, WeightExpr of, String fisher) {
        public Term {
            k.checkNotNegative("coefficient of a Fisher mean");
            Load.checkName(fisher);
        }
    }

    /**
     * @throws SoupException if it has no terms or the floor is not above 0
     */
    public FisherMean {
        terms = List.copyOf(terms);
        if (terms.isEmpty()) {
            throw new SoupException("A Fisher mean needs at least one term.");
        }
        if (floor.doubleValue() <= 0) {
            throw new SoupException("The floor of a Fisher mean must be above 0.");
        }
    }

    Values plan(TensorScope scope) {
        List<Values> weights = new ArrayList<>();
        List<Values> fishers = new ArrayList<>();
        List<Double> factors = new ArrayList<>();
        for (Term t : terms) {
            Rational k = t.k().at(scope.name());
            if (k.signum() > 0) {
                weights.add(Planner.values(t.of(), scope));
                int index = scope.index(t.fisher());
                fishers.add((w, out) -> {
                    w.load(index, out);
                    checkFisher(scope, t.fisher(), out, w.count());
                });
                factors.add(k.doubleValue());
            }
        }
        if (weights.isEmpty()) {
            throw new SoupException(
                    "All coefficients of a Fisher mean are 0 for tensor '"
                            + scope.name()
                            + "'; give one of its terms a weight there.");
        }
        double least = floor.doubleValue();
        return (w, out) -> {
            double[] x = w.take();
            double[] f = w.take();
            double[] total = w.take();
            w.clear(out);
            w.clear(total);
            for (int t = 0; t < weights.size(); t++) {
                weights.get(t).read(w, x);
                fishers.get(t).read(w, f);
                double k = factors.get(t);
                for (int i = 0; i < w.count(); i++) {
                    double m = k * Math.max(f[i], least);
                    out[i] = Math.fma(m, x[i], out[i]);
                    total[i] += m;
                }
            }
            for (int i = 0; i < w.count(); i++) {
                out[i] /= total[i];
            }
            w.give(x);
            w.give(f);
            w.give(total);
        };
    }

    private static void checkFisher(TensorScope scope, String input, double[] f, int count) {
        for (int i = 0; i < count; i++) {
            if (f[i] < 0) {
                throw new SoupException(
                        "Tensor '"
                                + scope.name()
                                + "' of Fisher input '"
                                + input
                                + "' holds "
                                + f[i]
                                + "; Fisher values are squares and cannot be below 0.");
            }
        }
    }
}
