package org.diffusionsoup.core.method;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.diffusionsoup.core.Checkpoint;
import org.diffusionsoup.core.IncompatibleIngredientsException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.core.TensorSource;

/** Whether checkpoints can be merged with each other by a recipe. */
final class Compatible {
    private Compatible() {}

    static void check(MergeRecipe recipe, Map<String, Checkpoint> open) {
        Checkpoint first = get(open, Trees.first(recipe.merge()));
        for (String name : recipe.weights()) {
            refuse(first, get(open, name), differences(first, get(open, name), false));
        }
        for (String name : recipe.fishers()) {
            refuse(first, get(open, name), differences(first, get(open, name), true));
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
                                + "; soup inspect --tensors lists their names.");
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
            throw new IncompatibleIngredientsException(first.path(), other.path(), found);
        }
    }

    /**
     * What keeps the other from being merged with the first.
     *
     * @param fisher whether the other holds Fisher values, which need the first's floating-point
     *     tensors and may have others
     */
    private static List<String> differences(Checkpoint first, Checkpoint other, boolean fisher) {
        List<String> found = new ArrayList<>();
        first.parts()
                .forEach((part, mine) -> {
                    TensorSource its = other.parts().get(part);
                    if (its == null) {
                        found.add("component '" + part + "' is missing");
                        return;
                    }
                    String in = part.isEmpty() ? "" : " in " + part;
                    for (TensorInfo m : mine.tensors().values()) {
                        if (!fisher || m.dtype().isFloat()) {
                            compare(found, in, m, its.tensors());
                        }
                    }
                    if (!fisher) {
                        for (String extra : new TreeSet<>(its.tensors().keySet())) {
                            if (!mine.tensors().containsKey(extra)) {
                                found.add("tensor '" + extra + "'" + in + " is not in the first");
                            }
                        }
                    }
                });
        for (String part : other.parts().keySet()) {
            if (!fisher && !first.parts().containsKey(part)) {
                found.add("component '" + part + "' is not in the first");
            }
        }
        return found;
    }

    private static void compare(
            List<String> found, String in, TensorInfo m, Map<String, TensorInfo> others) {
        TensorInfo o = others.get(m.name());
        if (o == null) {
            found.add("tensor '" + m.name() + "'" + in + " is missing");
        } else if (!Arrays.equals(m.shape(), o.shape())
                || (m.dtype() != o.dtype() && !(m.dtype().isFloat() && o.dtype().isFloat()))) {
            found.add(
                    "tensor '%s'%s is %s%s instead of %s%s"
                            .formatted(
                                    m.name(),
                                    in,
                                    o.dtype(),
                                    Arrays.toString(o.shape()),
                                    m.dtype(),
                                    Arrays.toString(m.shape())));
        }
    }
}
