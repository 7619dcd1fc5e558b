package org.diffusionsoup.core.method;

import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * Task arithmetic: theta + lambda * tau. With a difference of two models as delta it is what users
 * call add-difference; a negative scale unlearns a task.
 *
 * <p>Source: Ilharco, Ribeiro, Wortsman, Gururangan, Schmidt, Hajishirzi, Farhadi, 2023, "Editing
 * Models with Task Arithmetic" (ICLR), Section 2: tau = theta_ft - theta_pre, theta_new = theta +
 * lambda tau.
 *
 * @param to theta, the weights that are moved
 * @param scale lambda, of either sign; where it is 0 the weights are kept as they are
 * @param delta tau
 */
public record AddDelta(WeightExpr to, Factor scale, DeltaExpr delta) implements WeightExpr {
    Values plan(TensorScope scope) {
        Values base = Planner.values(to, scope);
        Values move = Planner.values(delta, scope);
        double s = scale.at(scope.name()).doubleValue();
        return (w, out) -> {
            base.read(w, out);
            double[] d = w.take();
            move.read(w, d);
            for (int i = 0; i < w.count(); i++) {
                out[i] = Math.fma(s, d[i], out[i]);
            }
            w.give(d);
        };
    }
}
