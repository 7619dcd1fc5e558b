package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * Weighted mean: sum_i k_i w_i / sum_i k_i.
 *
 * <p>Source: Wortsman et al., 2022, "Model soups: averaging weights of multiple fine-tuned models
 * improves accuracy without increasing inference time"; Biggs et al., 2024, "Diffusion Soup",
 * Section 4.
 *
 * <p>A mean of checkpoints at the root of a merge is exact, the same bytes as those of {@link
 * org.diffusionsoup.core.soup.Souper}; inside other methods it is computed in double.
 *
 * @param terms at least one. A coefficient may be 0 for some tensors, which leaves the term out
 *     there, but not all of one tensor
 */
public record WeightedMean(List<Term> terms) implements WeightExpr {
    /**
     * One term.
     *
     * @param k its coefficient, at least 0
     * @param of its weights
     */
    public record Term(Factor k, WeightExpr of) {
        public Term {
            k.checkNotNegative("coefficient of a mean");
        }
    }

    /**
     * @throws SoupException if it has no terms
     */
    public WeightedMean {
        terms = List.copyOf(terms);
        if (terms.isEmpty()) {
            throw new SoupException("A mean needs at least one term.");
        }
    }

    /** All weights count the same. */
    public static WeightedMean of(WeightExpr... weights) {
        List<Term> terms = new ArrayList<>();
        for (WeightExpr w : weights) {
            terms.add(new Term(Factor.ONE, w));
        }
        return new WeightedMean(terms);
    }

    /** The coefficients at one tensor, not all 0. */
    List<Rational> at(String tensor) {
        List<Rational> k = terms.stream().map(t -> t.k().at(tensor)).toList();
        if (k.stream().allMatch(v -> v.signum() == 0)) {
            throw new SoupException(
                    "All coefficients of a mean are 0 for tensor '"
                            + tensor
                            + "'; give one of its terms a weight there.");
        }
        return k;
    }

    Values plan(TensorScope scope) {
        List<Rational> k = at(scope.name());
        Rational sum = Rational.ZERO;
        List<Values> parts = new ArrayList<>();
        List<Double> factors = new ArrayList<>();
        for (int i = 0; i < k.size(); i++) {
            if (k.get(i).signum() > 0) {
                sum = sum.plus(k.get(i));
                parts.add(Planner.values(terms.get(i).of(), scope));
                factors.add(k.get(i).doubleValue());
            }
        }
        if (parts.size() == 1) {
            return parts.getFirst();
        }
        double total = sum.doubleValue();
        return (w, out) -> {
            double[] part = w.take();
            w.clear(out);
            for (int t = 0; t < parts.size(); t++) {
                parts.get(t).read(w, part);
                double f = factors.get(t);
                for (int i = 0; i < w.count(); i++) {
                    out[i] = Math.fma(f, part[i], out[i]);
                }
            }
            for (int i = 0; i < w.count(); i++) {
                out[i] /= total;
            }
            w.give(part);
        };
    }
}
