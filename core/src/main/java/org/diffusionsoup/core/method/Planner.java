package org.diffusionsoup.core.method;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/** How a tree is computed at one tensor. */
final class Planner {
    private Planner() {}

    /** Values of a node; makes the first passes over the tensor that its methods need. */
    static Values values(Expr expr, TensorScope scope) {
        return switch (expr) {
            case Load e -> e.plan(scope);
            case WeightedMean e -> e.plan(scope);
            case AddDelta e -> e.plan(scope);
            case Slerp e -> e.plan(scope);
            case FisherMean e -> e.plan(scope);
            case Difference e -> e.plan(scope);
            case DeltaSum e -> e.plan(scope);
            case Ties e -> e.plan(scope);
            case Dare e -> e.plan(scope);
        };
    }

    /**
     * The weights as shares of inputs that sum to 1, where they are no more than a mean of inputs:
     * these are computed exactly, and a single one is a copy.
     */
    static Optional<Map<String, Rational>> shares(WeightExpr expr, String tensor) {
        return switch (expr) {
            case Load e -> Optional.of(Map.of(e.input(), Rational.ONE));
            case WeightedMean e -> shares(e, tensor);
            case Slerp e -> {
                Rational t = e.t().at(tensor);
                yield t.signum() == 0
                        ? shares(e.from(), tensor)
                        : t.equals(Rational.ONE) ? shares(e.to(), tensor) : Optional.empty();
            }
            case AddDelta e ->
                    e.scale().at(tensor).signum() == 0 ? shares(e.to(), tensor) : Optional.empty();
            case FisherMean e -> Optional.empty();
        };
    }

    private static Optional<Map<String, Rational>> shares(WeightedMean mean, String tensor) {
        List<Rational> k = mean.at(tensor);
        Rational sum = k.stream().reduce(Rational.ZERO, Rational::plus);
        Map<String, Rational> all = new TreeMap<>();
        for (int i = 0; i < k.size(); i++) {
            if (k.get(i).signum() == 0) {
                continue;
            }
            Optional<Map<String, Rational>> inner = shares(mean.terms().get(i).of(), tensor);
            if (inner.isEmpty()) {
                return Optional.empty();
            }
            Rational share = k.get(i).over(sum);
            inner.get().forEach((input, s) -> all.merge(input, s.times(share), Rational::plus));
        }
        return Optional.of(all);
    }
}
