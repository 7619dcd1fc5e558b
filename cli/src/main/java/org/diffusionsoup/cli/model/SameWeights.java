package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.io.HashCache;

/**
 * Says where a mean has the same weights more than once: one may want that, and one may have
 * mistyped a name. Told by path, and by hash where a merge has remembered it anyway.
 */
final class SameWeights {
    private SameWeights() {}

    /** A term of a mean, by the name that messages call it. */
    record Term(String name, Path path) {}

    /** Notes every set of terms that are the same; to be asked after the merge, which hashes. */
    static void note(Console console, HashCache hashes, List<Term> mean) {
        Map<String, List<String>> same = new LinkedHashMap<>();
        mean.forEach(t ->
                same.computeIfAbsent(key(hashes, t.path()), k -> new ArrayList<>()).add(t.name()));
        same.values().stream()
                .filter(names -> names.size() > 1)
                .forEach(names ->
                        console.note(
                                String.join(" and ", names)
                                        + " are the same weights, and count "
                                        + (names.size() == 2 ? "twice" : names.size() + " times")
                                        + "."));
    }

    private static String key(HashCache hashes, Path path) {
        if (Files.isRegularFile(path) && hashes.knows(path)) {
            return hashes.sha256(path);
        }
        try {
            return path.toRealPath().toString();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize().toString(); // moved away since
        }
    }
}
