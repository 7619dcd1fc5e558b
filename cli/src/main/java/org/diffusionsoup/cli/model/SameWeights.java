package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Says where a mean has the same weights more than once: one may want that, and one may have
 * mistyped a name. Told by the hashes in the recipe of what was made; of a tree of means, by path,
 * and by hash where a merge has remembered it anyway.
 */
final class SameWeights {
    private SameWeights() {}

    /** A term of a mean, by the name that messages call it. */
    record Term(String name, Path path) {}

    /** Notes every set of ingredients of a soup that are the same. */
    static void note(Console console, Soup soup) {
        List<String> keys = keys(soup);
        List<String> names = soup.ingredients().stream().map(i -> i.path().toString()).toList();
        note(console, keys, names);
    }

    /** Notes every set of terms that are the same; to be asked after the merge, which hashes. */
    static void note(Console console, HashCache hashes, List<Term> mean) {
        note(
                console,
                mean.stream().map(t -> key(hashes, t.path())).toList(),
                mean.stream().map(Term::name).toList());
    }

    private static void note(Console console, List<String> keys, List<String> names) {
        Map<String, List<String>> same = new LinkedHashMap<>();
        for (int i = 0; i < keys.size(); i++) {
            same.computeIfAbsent(keys.get(i), k -> new ArrayList<>()).add(names.get(i));
        }
        same.values().stream()
                .filter(terms -> terms.size() > 1)
                .forEach(terms ->
                        console.note(
                                String.join(" and ", terms)
                                        + " are the same weights, and count "
                                        + (terms.size() == 2 ? "twice" : terms.size() + " times")
                                        + "."));
    }

    /**
     * For each ingredient, its hashes in the soup's recipes, which have an order of their own; its
     * path where these have none, or two of its name with other hashes.
     */
    private static List<String> keys(Soup soup) {
        List<String> names = soup.ingredients().stream().map(SoupIngredient::name).toList();
        List<String> sorted = names.stream().sorted().toList();
        Map<String, Map<String, StringBuilder>> hashes = new TreeMap<>(); // by name, and place
        try (Checkpoint made = Checkpoint.open(soup.output())) {
            for (TensorSource part : made.parts().values()) {
                List<SoupRecipe.Ingredient> recorded = recorded(part, made.path());
                // a component that was copied may be a soup itself, of others
                if (!named(recorded).stream().sorted().toList().equals(sorted)) {
                    continue;
                }
                Map<String, Integer> seen = new HashMap<>();
                for (SoupRecipe.Ingredient i : recorded) {
                    String name = i.name().orElse("");
                    String place = seen.merge(name, 1, Integer::sum).toString();
                    hashes.computeIfAbsent(name, n -> new TreeMap<>())
                            .computeIfAbsent(place, p -> new StringBuilder())
                            .append(i.sha256().orElse(""));
                }
            }
        }
        return soup.ingredients().stream()
                .map(i -> {
                    Set<String> own =
                            hashes.getOrDefault(i.name(), Map.of()).values().stream()
                                    .map(StringBuilder::toString)
                                    .collect(Collectors.toSet());
                    return own.size() == 1 && !own.contains("")
                            ? own.iterator().next()
                            : path(i.path());
                })
                .toList();
    }

    private static List<SoupRecipe.Ingredient> recorded(TensorSource part, Path soup) {
        return Provenance.readFrom(part.metadata())
                .map(Provenance::recipe)
                .filter(r -> r.isOf(SoupRecipe.AVERAGE))
                .map(r -> r.parse(soup).ingredients())
                .orElse(List.of());
    }

    private static List<String> named(List<SoupRecipe.Ingredient> recorded) {
        return recorded.stream().map(i -> i.name().orElse("")).toList();
    }

    private static String key(HashCache hashes, Path path) {
        List<Path> files =
                DiffusersFolder.isOne(path)
                        ? DiffusersFolder.open(path).weightFiles().stream()
                                .map(path::resolve)
                                .toList()
                        : List.of(path);
        return files.stream().allMatch(f -> Files.isRegularFile(f) && hashes.knows(f))
                ? files.stream().map(hashes::sha256).collect(Collectors.joining(" "))
                : path(path);
    }

    private static String path(Path path) {
        try {
            return path.toRealPath().toString();
        } catch (IOException e) {
            return path.toAbsolutePath().normalize().toString(); // moved away since
        }
    }
}
