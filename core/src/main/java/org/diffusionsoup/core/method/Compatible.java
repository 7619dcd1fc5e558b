package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.TrainingObjective;
import org.diffusionsoup.core.method.tensor.PaddedTensor;
import org.diffusionsoup.core.method.tensor.TensorInputs;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnFiles;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnInteger;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnShape;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Whether checkpoints can be merged with each other by a recipe. */
final class Compatible {
    private static final String MISSING = " is missing";
    private static final String EXTRA = " is not in the first";
    private static final String SHAPE = " (another shape)";
    private static final String INTEGERS = " (integers beside another dtype)";
    private static final String OBJECTIVE = "it predicts ";

    private Compatible() {}

    /**
     * The same checkpoints under names that they have in common, as far as libraries have called
     * the same tensors differently. What has no mean by itself is refused.
     */
    static SequencedMap<String, Checkpoint> named(
            MergeRecipe recipe, SequencedMap<String, Checkpoint> open) {
        for (String name : recipe.weights()) {
            SpecialWeights.refuse(get(open, name), "merged");
        }
        List<String> names = List.copyOf(recipe.weights());
        List<Checkpoint> seen =
                TensorNames.agreeing(names.stream().map(n -> get(open, n)).toList());
        SequencedMap<String, Checkpoint> named = new LinkedHashMap<>(open);
        for (int i = 0; i < names.size(); i++) {
            named.put(names.get(i), seen.get(i));
        }
        return named;
    }

    /**
     * Compares all inputs with the first weights.
     *
     * @param tree the merge, whose first weights they are
     * @throws IncompatibleIngredientsException if they differ in what the recipe's policy refuses
     */
    static void check(MergeRecipe recipe, WeightExpr tree, Map<String, Checkpoint> open) {
        Checkpoint first = get(open, Trees.first(tree));
        for (String name : recipe.weights()) {
            Checkpoint other = get(open, name);
            List<String> found = differences(first, other, false, recipe.policy());
            objectives(first, other, recipe.policy()).ifPresent(found::add);
            refuse(first, other, found);
        }
        for (String name : recipe.fishers()) {
            Checkpoint other = get(open, name);
            refuse(first, other, differences(first, other, true, MismatchPolicy.REFUSE));
        }
        for (NamePattern pattern : Trees.patterns(recipe.merge())) {
            NamePattern.Matcher matcher = pattern.matcher();
            boolean fits =
                    first.parts().entrySet().stream()
                            .anyMatch(p ->
                                    p.getValue().tensors().keySet().stream()
                                            .map(t -> TensorInputs.fullName(p.getKey(), t))
                                            .anyMatch(matcher::fits));
            if (!fits) {
                throw new SoupException(
                        "The pattern '"
                                + pattern.text()
                                + "' fits no tensor of "
                                + first.path()
                                + "; soup inspect `tensors` lists their names.");
            }
        }
    }

    private static Checkpoint get(Map<String, Checkpoint> open, String name) {
        Checkpoint c = open.get(name);
        if (c == null) {
            throw new SoupException("There is no input '" + name + "'.");
        }
        return c;
    }

    private static void refuse(Checkpoint first, Checkpoint other, List<String> found) {
        if (!found.isEmpty()) {
            throw new IncompatibleIngredientsException(
                    first.path(), other.path(), found, advice(found));
        }
    }

    /** Which keys of a recipe allow what was found. */
    private static String advice(List<String> found) {
        List<String> ways = new ArrayList<>();
        way(ways, found, MISSING, "on_missing: average_present");
        way(ways, found, EXTRA, "on_extra: drop");
        way(ways, found, INTEGERS, "on_integers: from_first");
        way(ways, found, SHAPE, "on_shape: pad (or from_first)");
        way(ways, found, OBJECTIVE, "on_files: from_first");
        return "use ingredients of one base"
                + (ways.isEmpty()
                        ? "."
                        : ", or say in the recipe what is to become of it: "
                                + String.join(", ", ways)
                                + ".");
    }

    private static void way(List<String> ways, List<String> found, String mark, String way) {
        if (found.stream().anyMatch(f -> f.contains(mark))) {
            ways.add(way);
        }
    }

    private static Optional<String> objectives(
            Checkpoint first, Checkpoint other, MismatchPolicy policy) {
        return policy.files() == OnFiles.FROM_FIRST
                ? Optional.empty()
                : TrainingObjective.difference(first, other).map(d -> OBJECTIVE + d);
    }

    /**
     * What keeps the other from being merged with the first.
     *
     * @param fisher whether the other holds Fisher values, which need the first's floating-point
     *     tensors and may have others
     */
    private static List<String> differences(
            Checkpoint first, Checkpoint other, boolean fisher, MismatchPolicy policy) {
        boolean missing = policy.missing() == OnMissing.REFUSE;
        boolean extras = !fisher && policy.extra() == OnExtra.REFUSE;
        List<String> found = new ArrayList<>();
        first.parts()
                .forEach((part, mine) -> {
                    TensorSource its = other.parts().get(part);
                    if (its == null) {
                        if (missing) {
                            found.add("component '" + part + "'" + MISSING);
                        }
                        return;
                    }
                    String in = part.isEmpty() ? "" : " in " + part;
                    for (TensorInfo m : mine.tensors().values()) {
                        if (!fisher || m.dtype().isFloat()) {
                            compare(found, in, m, its.tensors(), policy);
                        }
                    }
                    if (extras) {
                        for (String extra : new TreeSet<>(its.tensors().keySet())) {
                            if (!mine.tensors().containsKey(extra)) {
                                found.add("tensor '" + extra + "'" + in + EXTRA);
                            }
                        }
                    }
                });
        for (String part : other.parts().keySet()) {
            if (extras && !first.parts().containsKey(part)) {
                found.add("component '" + part + "'" + EXTRA);
            }
        }
        return found;
    }

    private static void compare(
            List<String> found,
            String in,
            TensorInfo m,
            Map<String, TensorInfo> others,
            MismatchPolicy policy) {
        TensorInfo o = others.get(m.name());
        if (o == null) {
            if (policy.missing() == OnMissing.REFUSE) {
                found.add("tensor '" + m.name() + "'" + in + MISSING);
            }
            return;
        }
        boolean shapes =
                !m.sameShape(o)
                        && policy.shape() != OnShape.FROM_FIRST
                        && !(policy.shape() == OnShape.PAD
                                && PaddedTensor.fits(o.shape(), m.shape()));
        boolean integers =
                m.dtype() != o.dtype()
                        && !(m.dtype().isFloat() && o.dtype().isFloat())
                        && policy.integers() == OnInteger.REFUSE
                        && policy.dtype() == OnDtype.REFUSE;
        if (shapes || integers) {
            found.add(
                    "tensor '%s'%s is %s%s instead of %s%s%s"
                            .formatted(
                                    m.name(),
                                    in,
                                    o.dtype(),
                                    Arrays.toString(o.shape()),
                                    m.dtype(),
                                    Arrays.toString(m.shape()),
                                    shapes ? SHAPE : INTEGERS));
        }
    }
}
