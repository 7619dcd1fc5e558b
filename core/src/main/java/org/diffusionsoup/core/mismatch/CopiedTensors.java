package org.diffusionsoup.core.mismatch;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;

/**
 * The tensors of a soup that are not means but one ingredient's, as a policy asked for: they are
 * counted, so that no copy passes for a mean.
 *
 * @param byPart per part with any, how many of how many they are, and which
 * @param sentence the same of all parts, for people; empty where there are none
 */
public record CopiedTensors(SortedMap<String, String> byPart, String sentence) {
    /** All are means. */
    public static final CopiedTensors NONE = new CopiedTensors(new TreeMap<>(), "");

    private static final int SHOWN = 20;
    private static final int SAID = 4;

    public CopiedTensors {
        byPart = Collections.unmodifiableSortedMap(byPart);
    }

    /**
     * Counts them.
     *
     * @param plan of the components that are averaged
     * @param names of the ingredients
     * @param whole whether these are all components, of which some weights are to be means
     * @throws SoupException if nothing would be averaged at all
     */
    public static CopiedTensors of(List<TensorPlan> plan, List<String> names, boolean whole) {
        TreeMap<String, List<String>> copied = new TreeMap<>();
        TreeMap<String, Integer> counts = new TreeMap<>();
        List<String> all = new ArrayList<>();
        SortedSet<Integer> from = new TreeSet<>();
        boolean averaged = false;
        boolean floats = false;
        for (TensorPlan t : plan) {
            counts.merge(t.part(), 1, Integer::sum);
            averaged |= t.isComputed();
            if (t.inputs().length == 1 && t.byteSize() > 0) {
                floats |= t.dtype().isFloat();
                copied.computeIfAbsent(t.part(), p -> new ArrayList<>()).add(t.name());
                all.add(t.part().isEmpty() ? t.name() : t.part() + "/" + t.name());
                from.add(t.inputs()[0]);
            }
        }
        if (names.size() < 2 || all.isEmpty()) {
            return NONE;
        }
        if (whole && !averaged && floats) {
            throw new SoupException(
                    "Nothing would be averaged: no weight is shared by "
                            + String.join(" and ", names)
                            + " in name, shape and kind, and the output would be a copy; give"
                            + " checkpoints of one model.");
        }
        TreeMap<String, String> byPart = new TreeMap<>();
        copied.forEach(
                (part, keys) -> byPart.put(part, words(keys, counts.getOrDefault(part, 0), SHOWN)));
        String whose =
                from.size() == 1 ? names.get(from.getFirst()) + " alone" : "one ingredient alone";
        return new CopiedTensors(
                byPart,
                "Not averaged, but from " + whose + ": " + words(all, plan.size(), SAID) + ".");
    }

    private static String words(List<String> keys, int of, int shown) {
        String more = keys.size() > shown ? " and " + (keys.size() - shown) + " more" : "";
        return keys.size()
                + " of "
                + of
                + (of == 1 ? " tensor: " : " tensors: ")
                + String.join(", ", keys.subList(0, Math.min(shown, keys.size())))
                + more;
    }
}
