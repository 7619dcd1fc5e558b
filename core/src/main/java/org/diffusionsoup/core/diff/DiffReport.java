package org.diffusionsoup.core.diff;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.diff.TensorDiff.Kind;

/**
 * How checkpoint B differs from A.
 *
 * @param tensors every tensor of either, in the model's order
 * @param withBase whether a common base was given
 */
public record DiffReport(List<TensorDiff> tensors, boolean withBase) {
    public DiffReport {
        tensors = List.copyOf(tensors);
    }

    /** Blocks with at least one tensor that was compared by value, in the model's order. */
    public List<BlockDiff> blocks() {
        Map<String, List<TensorDiff>> by = new LinkedHashMap<>();
        for (TensorDiff t : tensors) {
            if (isCompared(t)) {
                String key = BlockNames.component(t.part(), t.name()) + "\n" + t.block();
                by.computeIfAbsent(key, k -> new ArrayList<>()).add(t);
            }
        }
        return by.values().stream().map(DiffReport::block).toList();
    }

    private static boolean isCompared(TensorDiff t) {
        return t.dtype().isFloat() && (t.kind() == Kind.EQUAL || t.kind() == Kind.DIFFERENT);
    }

    private static BlockDiff block(Collection<TensorDiff> of) {
        TensorDiff first = of.iterator().next();
        Sums sums = Sums.ZERO;
        long elements = 0;
        for (TensorDiff t : of) {
            sums = sums.plus(t.sums());
            elements += t.elements();
        }
        return new BlockDiff(
                BlockNames.component(first.part(), first.name()),
                first.block(),
                of.size(),
                of.stream().filter(t -> t.kind() == Kind.EQUAL).count(),
                elements,
                sums);
    }

    /** All compared tensors as one vector. */
    public Sums total() {
        return tensors.stream()
                .filter(DiffReport::isCompared)
                .map(TensorDiff::sums)
                .reduce(Sums.ZERO, Sums::plus);
    }

    /** Number of tensors of a kind. */
    public long count(Kind kind) {
        return tensors.stream().filter(t -> t.kind() == kind).count();
    }

    /** The tensors that moved farthest, by ‖a − b‖ / ‖a‖, at most {@code n}, farthest first. */
    public List<TensorDiff> worst(int n) {
        return tensors.stream()
                .filter(t -> t.kind() == Kind.DIFFERENT)
                .sorted(
                        Comparator.comparingDouble((TensorDiff t) -> t.sums().relative())
                                .reversed()
                                .thenComparing(TensorDiff::place))
                .limit(n)
                .toList();
    }
}
