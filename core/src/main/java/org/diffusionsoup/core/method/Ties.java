package org.diffusionsoup.core.method;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * TIES, "trim, elect sign and merge": of every delta only the elements of largest magnitude are
 * kept; per element the sign with the larger total is elected; the kept values of that sign are
 * averaged.
 *
 * <p>Source: Yadav, Tam, Choshen, Raffel, Bansal, 2023, "TIES-Merging: Resolving Interference When
 * Merging Models" (NeurIPS), Algorithm 1. There the k% are taken over a whole model; here, as in
 * most tools, over each tensor. Kept are the ceil(density * n) largest magnitudes and all that
 * equal the smallest of them. Where kept values cancel, no sign is elected and the result is 0. The
 * paper's lambda is the scale of the {@link AddDelta} above.
 *
 * @param deltas at least one
 * @param density share of a tensor's elements that is kept, above 0 and at most 1
 */
public record Ties(List<DeltaExpr> deltas, Factor density) implements DeltaExpr {
    /**
     * @throws SoupException if there are no deltas, or a density is out of range
     */
    public Ties {
        deltas = List.copyOf(deltas);
        if (deltas.isEmpty()) {
            throw new SoupException("TIES needs at least one delta.");
        }
        density.checkRange("density of TIES", Rational.ZERO, Rational.ONE);
        if (density.values().anyMatch(Rational.ZERO::equals)) {
            throw new SoupException("The density of TIES must be above 0: 0 keeps nothing.");
        }
    }

    Values plan(TensorScope scope) {
        Rational share = density.at(scope.name());
        long keep =
                share.numerator()
                        .multiply(BigInteger.valueOf(scope.elements()))
                        .add(share.denominator().subtract(BigInteger.ONE))
                        .divide(share.denominator())
                        .longValueExact();
        List<Values> all = new ArrayList<>();
        double[] least = new double[deltas.size()];
        for (int d = 0; d < least.length; d++) {
            all.add(Planner.values(deltas.get(d), scope));
            least[d] = Magnitudes.largest(scope, all.get(d), keep);
        }
        return (w, out) -> {
            double[][] kept = new double[least.length][];
            for (int d = 0; d < least.length; d++) {
                kept[d] = w.take();
                all.get(d).read(w, kept[d]);
                trim(kept[d], least[d], w.count());
            }
            merge(kept, out, w.count());
            for (double[] k : kept) {
                w.give(k);
            }
        };
    }

    private static void trim(double[] values, double least, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = Math.abs(values[i]) >= least ? values[i] : 0;
        }
    }

    private static void merge(double[][] kept, double[] out, int count) {
        for (int i = 0; i < count; i++) {
            double total = 0;
            for (double[] k : kept) {
                total += k[i];
            }
            double sign = Math.signum(total);
            double sum = 0;
            int agreeing = 0;
            for (double[] k : kept) {
                if (k[i] * sign > 0) {
                    sum += k[i];
                    agreeing++;
                }
            }
            out[i] = agreeing == 0 ? 0 : sum / agreeing;
        }
    }
}
