package org.diffusionsoup.core.method;

import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * A task vector: what fine-tuning changed.
 *
 * <p>Source: Ilharco et al., 2023, "Editing Models with Task Arithmetic", Section 2.
 *
 * @param of the fine-tuned weights
 * @param from what they were before, the base
 */
public record Difference(WeightExpr of, WeightExpr from) implements DeltaExpr {
    Values plan(TensorScope scope) {
        Values a = Planner.values(of, scope);
        Values b = Planner.values(from, scope);
        return (w, out) -> {
            a.read(w, out);
            double[] base = w.take();
            b.read(w, base);
            for (int i = 0; i < w.count(); i++) {
                out[i] -= base[i];
            }
            w.give(base);
        };
    }
}
