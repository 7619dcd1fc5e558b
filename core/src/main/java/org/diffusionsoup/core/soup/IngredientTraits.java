package org.diffusionsoup.core.soup;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.ShardedSafetensors;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * What decides, beside the weights that are averaged, what a soup of an ingredient looks like: its
 * sum notes it, so that what would be copied is known when the ingredient is no longer there.
 *
 * @param files of a diffusers folder, those that a soup would copy from it: SHA-256 by path in the
 *     folder. Of a component's weights in several files, each has the hash of them all
 * @param tensors by averaged part, a hash of the tensors' names, as they were, and shapes
 * @param dtypes by averaged part, how many tensors there are of each dtype, in words
 * @param predicts of a single file, what it says that it predicts, the empty text where nothing;
 *     empty of folders, and where it was not noted
 * @param beside whether a configuration beside the file says so
 */
record IngredientTraits(
        SortedMap<String, String> files,
        SortedMap<String, String> tensors,
        SortedMap<String, String> dtypes,
        Optional<String> predicts,
        boolean beside) {
    /** Nothing noted, as in sums of earlier versions. */
    static final IngredientTraits NONE =
            new IngredientTraits(
                    new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), Optional.empty(), false);

    IngredientTraits {
        files = Collections.unmodifiableSortedMap(files);
        tensors = Collections.unmodifiableSortedMap(tensors);
        dtypes = Collections.unmodifiableSortedMap(dtypes);
    }

    /**
     * Those of an ingredient.
     *
     * @param averaged the parts that are averaged
     */
    static IngredientTraits of(Ingredient i, Collection<String> averaged) {
        TreeMap<String, String> tensors = new TreeMap<>();
        TreeMap<String, String> dtypes = new TreeMap<>();
        i.original()
                .parts()
                .forEach((part, source) -> {
                    if (averaged.contains(part)) {
                        tensors.put(part, tensors(source.tensors().values()));
                        dtypes.put(part, dtypes(source.tensors().values()));
                    }
                });
        if (i.original().folder().isPresent()) {
            return new IngredientTraits(
                    files(i.original(), averaged, part -> i.hashes().getOrDefault(part, "")),
                    tensors,
                    dtypes,
                    Optional.empty(),
                    false);
        }
        Mismatches.Header header = Mismatches.Header.of(i.original());
        return new IngredientTraits(
                new TreeMap<>(),
                tensors,
                dtypes,
                Optional.of(predicted(header)),
                header.beside().isPresent());
    }

    private static String predicted(Mismatches.Header header) {
        try {
            return header.objective().prediction().orElse("");
        } catch (SoupException e) {
            return ""; // contradictory in itself, which is refused where it counts
        }
    }

    /**
     * The files that a soup in the layout of a diffusers folder copies from it, with their SHA-256.
     *
     * @param averaged the parts that are made anew
     * @param weights gives the hash of another part's weights
     */
    static SortedMap<String, String> files(
            Checkpoint folder, Collection<String> averaged, Function<String, String> weights) {
        TreeMap<String, String> files = new TreeMap<>();
        DiffusersFolder f = folder.folder().orElseThrow();
        for (String other : f.otherFiles()) {
            boolean index = ShardedSafetensors.isIndex(Path.of(other));
            if (!index || !averaged.contains(DiffusersFolder.componentOf(other))) {
                files.put(other, Hashes.sha256(f.path().resolve(other)));
            }
        }
        for (String weight : f.weightFiles()) {
            String part = DiffusersFolder.componentOf(weight);
            if (!averaged.contains(part)) {
                files.put(weight, weights.apply(part));
            }
        }
        return files;
    }

    /**
     * Whether a file that a soup copies is one ingredient's, whatever others have there; all others
     * say the same in all of them.
     *
     * @param components the only ones that are averaged; empty for all
     */
    static boolean isOneOnly(String file, SortedSet<String> components) {
        Path path = Path.of(file);
        return Mismatches.isFirsts(file, components)
                || ShardedSafetensors.isIndex(path)
                || file.endsWith(".safetensors")
                || file.endsWith(".bin");
    }

    /** The components that a recipe's options name; empty where all are averaged. */
    static SortedSet<String> components(Map<String, String> options) {
        String names = options.getOrDefault(SoupRecipe.COMPONENTS, "");
        return names.isEmpty()
                ? new TreeSet<>()
                : new TreeSet<>(Arrays.asList(names.split(",", -1)));
    }

    /**
     * The options of a recipe, with the name of the first ingredient where that counts: where only
     * some components are averaged, and ingredients differ in what is copied of the first.
     *
     * @param members the ingredients, as they were given
     */
    static SortedMap<String, String> withFirst(
            SortedMap<String, String> options, List<Member> members) {
        SortedSet<String> components = components(options);
        long kinds =
                components.isEmpty()
                        ? 1
                        : members.stream()
                                .map(m -> m.traits().ofOneOnly(components))
                                .distinct()
                                .count();
        if (kinds < 2) {
            return options;
        }
        TreeMap<String, String> all = new TreeMap<>(options);
        all.put(SoupRecipe.FIRST_NAME, members.getFirst().name());
        return all;
    }

    /**
     * What a single file of these ingredients predicts, where one says so and not all in the same
     * words; empty where all headers agree, which says it itself, and where it was not noted.
     */
    static Optional<String> objective(List<Member> members) {
        IngredientTraits first = members.getFirst().traits();
        if (members.stream().anyMatch(m -> m.traits().predicts().isEmpty())) {
            return Optional.empty();
        }
        boolean agree =
                !first.beside()
                        && members.stream()
                                .allMatch(m ->
                                        !m.traits().beside()
                                                && said(m).equals(said(members.getFirst())));
        return agree
                ? Optional.empty()
                : members.stream()
                        .flatMap(m -> m.traits().predicts().stream())
                        .filter(p -> !p.isEmpty())
                        .findFirst();
    }

    private static Map<String, String> said(Member m) {
        return Mismatches.Header.said(m.metadata().getOrDefault("", Map.of()));
    }

    private SortedMap<String, String> ofOneOnly(SortedSet<String> components) {
        TreeMap<String, String> of = new TreeMap<>(files);
        of.keySet().removeIf(f -> !isOneOnly(f, components));
        return of;
    }

    /** A hash of names and shapes. */
    static String tensors(Collection<TensorInfo> tensors) {
        String lines =
                tensors.stream()
                        .map(t -> t.name() + " " + Arrays.toString(t.shape()))
                        .sorted()
                        .collect(Collectors.joining("\n"));
        return Hashes.sha256Hex(lines.getBytes(StandardCharsets.UTF_8));
    }

    private static String dtypes(Collection<TensorInfo> tensors) {
        TreeMap<String, Integer> counts = new TreeMap<>();
        tensors.forEach(t -> counts.merge(t.dtype().safetensorsName(), 1, Integer::sum));
        return counts.entrySet().stream()
                .map(e -> e.getValue() + " " + e.getKey())
                .collect(Collectors.joining(", "));
    }
}
