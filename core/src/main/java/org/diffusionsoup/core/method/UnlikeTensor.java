package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.PaddedTensor;
import org.diffusionsoup.core.method.tensor.TensorInputs;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * How one tensor is merged where its inputs are not alike, by a policy that allows it.
 *
 * @param tree what is left of the merge's where some inputs lack the tensor, or the first input
 *     where it is taken from there
 * @param inputs the tensor of all inputs, smaller ones padded
 * @param padded those that are, by the input's name
 * @param compared numbers of the inputs that integers have to agree with
 * @param isCopy whether it is the first's, though others have one
 */
record UnlikeTensor(
        WeightExpr tree,
        TensorInputs inputs,
        Map<String, PaddedTensor> padded,
        List<Integer> compared,
        boolean isCopy) {

    /**
     * Plans a tensor.
     *
     * @param first the input whose tensor {@code info} is
     * @param names of all inputs; those of {@code weights} hold weights
     * @param sources per input, null where it lacks the component
     * @return nothing where the tensor is dropped
     */
    static Optional<UnlikeTensor> of(
            String part,
            TensorInfo info,
            String first,
            WeightExpr tree,
            List<String> names,
            List<Integer> weights,
            List<TensorSource> sources,
            MismatchPolicy policy) {
        List<TensorSource> seen = new ArrayList<>(sources);
        Map<String, PaddedTensor> padded = new TreeMap<>();
        List<Integer> compared = new ArrayList<>();
        boolean missing = false;
        boolean fromFirst = false;
        for (int i : weights) {
            TensorInfo own = sources.get(i).tensors().get(info.name());
            if (own == null) {
                missing = true;
                continue;
            }
            compared.add(i);
            boolean floats = info.dtype().isFloat() && own.dtype().isFloat();
            fromFirst |= own.dtype() != info.dtype() && !floats;
            if (!own.sameShape(info)) {
                if (policy.shape() == OnShape.PAD && floats) {
                    PaddedTensor p = new PaddedTensor(sources.get(i), own, info.shape());
                    padded.put(names.get(i), p);
                    seen.set(i, p);
                } else {
                    fromFirst = true;
                }
            }
        }
        if (missing && policy.missing() == MismatchPolicy.OnMissing.DROP) {
            return Optional.empty();
        }
        if (!info.dtype().isFloat() && policy.integers() == OnInteger.FROM_FIRST) {
            fromFirst |= compared.size() > 1;
        }
        TensorInputs inputs = TensorInputs.of(part, info, seen);
        if (fromFirst) {
            List<Integer> only = List.of(names.indexOf(first));
            return Optional.of(new UnlikeTensor(new Load(first), inputs, Map.of(), only, true));
        }
        if (!padded.isEmpty() && Trees.measures(tree)) {
            throw new SoupException(
                    "Tensor '%s' has several shapes, and slerp and ties measure whole tensors; on_shape: pad works with mean, add, difference, sum, dare and fisher."
                            .formatted(info.name()));
        }
        WeightExpr left =
                missing
                        ? Trees.present(tree, n -> has(sources, names, n, info.name()))
                                .orElse(new Load(first))
                        : tree;
        boolean copy = missing && Trees.weights(left).size() == 1;
        return Optional.of(new UnlikeTensor(left, inputs, padded, compared, copy));
    }

    private static boolean has(
            List<TensorSource> sources, List<String> names, String input, String tensor) {
        return sources.get(names.indexOf(input)).tensors().containsKey(tensor);
    }

    /** Values where some inputs have some of the elements: of each set of inputs its own. */
    Values padded(TensorScope scope) {
        List<Map.Entry<String, PaddedTensor>> all = List.copyOf(padded.entrySet());
        Map<Long, Values> bySet = new ConcurrentHashMap<>();
        return (w, out) -> {
            long[] sets = new long[w.count()];
            for (int i = 0; i < sets.length; i++) {
                for (int p = 0; p < all.size(); p++) {
                    sets[i] |= all.get(p).getValue().has(w.first() + i) ? 1L << p : 0;
                }
            }
            double[] some = w.take();
            boolean[] done = new boolean[sets.length];
            for (int i = 0; i < sets.length; i++) {
                if (done[i]) {
                    continue;
                }
                long set = sets[i];
                bySet.computeIfAbsent(set, s -> Planner.values(of(s, all), scope)).read(w, some);
                for (int j = i; j < sets.length; j++) {
                    if (sets[j] == set) {
                        out[j] = some[j];
                        done[j] = true;
                    }
                }
            }
            w.give(some);
        };
    }

    private WeightExpr of(long set, List<Map.Entry<String, PaddedTensor>> all) {
        return Trees.present(
                        tree,
                        input -> {
                            for (int p = 0; p < all.size(); p++) {
                                if (all.get(p).getKey().equals(input)) {
                                    return (set >> p & 1) != 0;
                                }
                            }
                            return true;
                        })
                .orElseThrow(() -> new SoupException("No input has all elements."));
    }
}
