package org.diffusionsoup.core.convert;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Modules under two names, one to one; a tensor is a module's name, a dot and its own name. */
final class Renames {
    private final Map<String, String> forward = new LinkedHashMap<>();
    private final Map<String, String> back = new HashMap<>();

    private Renames(String... pairs) {
        for (int i = 0; i < pairs.length; i += 2) {
            forward.put(pairs[i], pairs[i + 1]);
            back.put(pairs[i + 1], pairs[i]);
        }
    }

    /** From original and diffusers names, in turn. */
    static Renames of(String... originalAndDiffusers) {
        return new Renames(originalAndDiffusers);
    }

    /** The diffusers name of {@code module.tensor}, empty if the module is not among these. */
    Optional<String> toDiffusers(String name) {
        return renamed(forward, name);
    }

    /** The original name. */
    Optional<String> toOriginal(String name) {
        return renamed(back, name);
    }

    /** Whether there is a tensor of one of these modules, however many may be missing. */
    boolean hasOriginal(Set<String> names, String before) {
        return has(forward.keySet(), names, before);
    }

    /** The same under diffusers' names. */
    boolean hasDiffusers(Set<String> names, String before) {
        return has(back.keySet(), names, before);
    }

    private static boolean has(Set<String> modules, Set<String> names, String before) {
        return modules.stream()
                .map(m -> before + m)
                .anyMatch(m -> names.contains(m + ".weight") || names.contains(m + ".bias"));
    }

    private static Optional<String> renamed(Map<String, String> names, String name) {
        int dot = name.lastIndexOf('.');
        if (dot < 0) {
            return Optional.empty();
        }
        return Optional.ofNullable(names.get(name.substring(0, dot)))
                .map(m -> m + name.substring(dot));
    }
}
