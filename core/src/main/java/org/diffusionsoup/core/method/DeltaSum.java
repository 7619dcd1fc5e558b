package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * Sum of task vectors, each with its scale.
 *
 * <p>Source: Ilharco et al., 2023, "Editing Models with Task Arithmetic", Section 2: tau_new =
 * sum_i tau_i.
 *
 * @param terms at least one
 */
public record DeltaSum(List<Term> terms) implements DeltaExpr {
    /** One term: {@code scale} times {@code delta}. */
    public record Term(Factor scale, DeltaExpr delta) {}

    /**
     * @throws SoupException if it has no terms
     */
    public DeltaSum {
        terms = List.copyOf(terms);
        if (terms.isEmpty()) {
            throw new SoupException("A sum of deltas needs at least one term.");
        }
    }

    Values plan(TensorScope scope) {
        List<Values> parts = new ArrayList<>();
        List<Double> scales = new ArrayList<>();
        for (Term t : terms) {
            parts.add(Planner.values(t.delta(), scope));
            scales.add(t.scale().at(scope.name()).doubleValue());
        }
        return (w, out) -> {
            double[] part = w.take();
            w.clear(out);
            for (int t = 0; t < parts.size(); t++) {
                parts.get(t).read(w, part);
                double s = scales.get(t);
                for (int i = 0; i < w.count(); i++) {
                    out[i] = Math.fma(s, part[i], out[i]);
                }
            }
            w.give(part);
        };
    }
}
