package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
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

    /** Notes every set of ingredients of a soup that are the same in what is averaged. */
    static void note(Console console, Soup soup) {
        List<Term> terms =
                soup.ingredients().stream()
                        .map(i -> new Term(i.path().toString(), i.path()))
                        .toList();
        try (Checkpoint made = Checkpoint.open(soup.output())) {
            Map<String, List<SoupRecipe.Ingredient>> averaged = averaged(made, soup);
            String in =
                    averaged.size() == made.parts().size()
                            ? ""
                            : String.join(", ", averaged.keySet());
            note(console, keys(soup, averaged.values()), terms, in);
        }
    }

    /** Notes every set of terms that are the same; to be asked after the merge, which hashes. */
    static void note(Console console, HashCache hashes, List<Term> mean) {
        note(console, mean.stream().map(t -> key(hashes, t.path())).toList(), mean, "");
    }

    /**
     * @param in the components of which the keys are; empty where it is all of them
     */
    private static void note(Console console, List<String> keys, List<Term> mean, String in) {
        Map<String, List<Term>> same = new LinkedHashMap<>();
        for (int i = 0; i < keys.size(); i++) {
            same.computeIfAbsent(keys.get(i), k -> new ArrayList<>()).add(mean.get(i));
        }
        same.values().stream()
                .filter(terms -> terms.size() > 1)
                .forEach(terms -> console.note(sentence(terms, in)));
    }

    private static String sentence(List<Term> terms, String in) {
        String times = terms.size() == 2 ? "twice" : terms.size() + " times";
        List<String> names = terms.stream().map(Term::name).toList();
        if (names.stream().distinct().count() == 1) {
            return names.getFirst() + " is given " + times + ", and counts " + times + ".";
        }
        boolean one = terms.stream().map(t -> path(t.path())).distinct().count() == 1;
        return String.join(" and ", names)
                + (one
                        ? " are one and the same, and count "
                        : in.isEmpty()
                                ? " are the same weights, and count "
                                : " have the same weights in " + in + ", which count ")
                + times
                + ".";
    }

    /** What the recipes of a soup's averaged parts say of its ingredients, by part. */
    private static Map<String, List<SoupRecipe.Ingredient>> averaged(Checkpoint made, Soup soup) {
        List<String> sorted =
                soup.ingredients().stream().map(SoupIngredient::name).sorted().toList();
        Map<String, List<SoupRecipe.Ingredient>> averaged = new LinkedHashMap<>();
        made.parts()
                .forEach((name, part) -> {
                    List<SoupRecipe.Ingredient> recorded = recorded(part, made.path());
                    // a component that was copied may be a soup itself, of others
                    if (named(recorded).stream().sorted().toList().equals(sorted)) {
                        averaged.put(name, recorded);
                    }
                });
        return averaged;
    }

    /**
     * For each ingredient, its hashes in the soup's recipes, which have an order of their own; its
     * path where these have none, or two of its name with other hashes.
     *
     * @param averaged the recipes of what was averaged
     */
    private static List<String> keys(Soup soup, Collection<List<SoupRecipe.Ingredient>> averaged) {
        Map<String, Map<String, StringBuilder>> hashes = new TreeMap<>(); // by name, and place
        for (List<SoupRecipe.Ingredient> recorded : averaged) {
            Map<String, Integer> seen = new HashMap<>();
            for (SoupRecipe.Ingredient i : recorded) {
                String name = i.name().orElse("");
                String place = seen.merge(name, 1, Integer::sum).toString();
                hashes.computeIfAbsent(name, n -> new TreeMap<>())
                        .computeIfAbsent(place, p -> new StringBuilder())
                        .append(i.sha256().orElse(""));
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
