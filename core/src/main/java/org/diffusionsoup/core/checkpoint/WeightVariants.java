package org.diffusionsoup.core.checkpoint;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;

/**
 * Which of a component's weight files are read. diffusers lays several variants of the same weights
 * beside each other and tells them by a word in the name: {@code model.fp16.safetensors}, in shards
 * {@code model.fp16-00001-of-00002.safetensors} or {@code model-00001-of-00002.fp16.safetensors}
 * with {@code model.safetensors.index.fp16.json}.
 */
final class WeightVariants {
    private static final Pattern NAME =
            Pattern.compile(
                    "(?<stem>.+?)(\\.(?<early>[A-Za-z0-9_]+))?(?<shard>-\\d{5}-of-\\d{5})?"
                            + "(\\.(?<late>[A-Za-z0-9_]+))?\\.(?<type>safetensors|bin)");

    private static final Pattern INDEX =
            Pattern.compile(
                    "(?<stem>.+?)(\\.(?<early>[A-Za-z0-9_]+))?\\.(?<type>safetensors|bin)\\.index"
                            + "(\\.(?<late>[A-Za-z0-9_]+))?\\.json");

    private WeightVariants() {}

    /**
     * The files to read.
     *
     * @param weights safetensors files or PyTorch's, of one variant
     * @param indexes of these
     */
    record Chosen(List<Path> weights, List<Path> indexes) {}

    /** The word that tells a file's variant, empty if it has none. */
    static String variantOf(Path file) {
        String name = file.getFileName().toString();
        Matcher m = (name.endsWith(".json") ? INDEX : NAME).matcher(name);
        if (!m.matches()) {
            return "";
        }
        String early = m.group("early");
        String late = m.group("late");
        return early != null ? early : late != null ? late : "";
    }

    /** A file's name without variant and shard. */
    static String plain(String name) {
        Matcher m = NAME.matcher(name);
        return m.matches() ? m.group("stem") + "." + m.group("type") : name;
    }

    /**
     * Chooses by variant: the one asked for where the component has it, else the files without a
     * word, else the only variant there is; safetensors before PyTorch's.
     *
     * @throws SoupException if there are several variants, none of which is asked for
     */
    static Chosen choose(
            Path folder,
            List<Path> safetensors,
            List<Path> torch,
            List<Path> indexes,
            String variant) {
        SortedMap<String, List<Path>> first = byVariant(safetensors);
        SortedMap<String, List<Path>> second = byVariant(torch);
        for (String wanted : variant.isEmpty() ? List.of("") : List.of(variant, "")) {
            for (SortedMap<String, List<Path>> files : List.of(first, second)) {
                boolean only = wanted.isEmpty() && files.size() == 1;
                String key = only ? files.firstKey() : wanted;
                List<Path> found = files.get(key);
                if (found != null) {
                    return new Chosen(found, indexesOf(found, indexes, key));
                }
                if (wanted.isEmpty() && files.size() > 1) {
                    throw new SoupException(
                            folder
                                    + " has weights of several variants, "
                                    + String.join(", ", files.keySet())
                                    + ", and none without; choose one with `variant` "
                                    + files.firstKey()
                                    + ", or, for a command that has no choice of them, make a"
                                    + " model of one: 'soup convert "
                                    + folder.getParent()
                                    + " `variant` "
                                    + files.firstKey()
                                    + " `out` "
                                    + files.firstKey()
                                    + ".safetensors'.");
                }
            }
        }
        return new Chosen(List.of(), List.of());
    }

    /**
     * Says which components have no weights of the variant that was asked for, so that others are
     * read in their place; empty where all have it or none was asked for.
     */
    static Optional<String> note(DiffusersFolder folder, String variant) {
        List<String> without =
                folder.components().values().stream()
                        .filter(c ->
                                !c.weightFiles().isEmpty()
                                        && c.weightFiles().stream()
                                                .noneMatch(f -> variantOf(f).equals(variant)))
                        .map(DiffusersFolder.Component::name)
                        .toList();
        return variant.isEmpty() || without.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        "%s has no %s weights of %s; its others are read there."
                                .formatted(folder.path(), variant, String.join(", ", without)));
    }

    private static List<Path> indexesOf(List<Path> weights, List<Path> indexes, String variant) {
        String type = weights.getFirst().toString().endsWith(".bin") ? ".bin." : ".safetensors.";
        return indexes.stream()
                .filter(i -> variantOf(i).equals(variant))
                .filter(i -> i.getFileName().toString().contains(type))
                .toList();
    }

    private static SortedMap<String, List<Path>> byVariant(List<Path> files) {
        SortedMap<String, List<Path>> groups = new TreeMap<>();
        files.forEach(f -> groups.computeIfAbsent(variantOf(f), v -> new ArrayList<>()).add(f));
        return groups;
    }
}
