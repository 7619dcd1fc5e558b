package org.diffusionsoup.core.soup;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * An ingredient, opened: its headers are read and checked.
 *
 * @param original where its weights are; whoever opened it closes it
 * @param checkpoint the same, under the names that its tensors have in common with the others'
 * @param hashes SHA-256 per part, empty until computed
 */
record Ingredient(
        SoupIngredient what,
        Checkpoint original,
        Checkpoint checkpoint,
        SortedMap<String, String> hashes) {

    static Ingredient of(SoupIngredient what, Checkpoint checkpoint) {
        return new Ingredient(what, checkpoint, checkpoint, new TreeMap<>());
    }

    /** Its files' hashes put together per part: of several files, the hash of a list of them. */
    Ingredient withHashes(Map<Path, String> byPath) {
        TreeMap<String, String> h = new TreeMap<>();
        checkpoint
                .parts()
                .forEach((name, source) -> {
                    List<Path> files = source.files();
                    if (files.size() == 1) {
                        h.put(name, byPath.getOrDefault(files.getFirst(), ""));
                        return;
                    }
                    StringBuilder lines = new StringBuilder();
                    for (Path f : files) {
                        lines.append(byPath.getOrDefault(f, ""))
                                .append("  ")
                                .append(f.getFileName())
                                .append('\n');
                    }
                    h.put(
                            name,
                            Hashes.sha256Hex(lines.toString().getBytes(StandardCharsets.UTF_8)));
                });
        return new Ingredient(what, original, checkpoint, h);
    }

    /**
     * The same ingredients under names that they have in common, as far as libraries have called
     * the same tensors differently ({@link TensorNames}).
     */
    static List<Ingredient> agreeing(List<Ingredient> ingredients) {
        List<Checkpoint> seen =
                TensorNames.agreeing(ingredients.stream().map(Ingredient::checkpoint).toList());
        List<Ingredient> made = new ArrayList<>();
        for (int i = 0; i < seen.size(); i++) {
            made.add(ingredients.get(i).as(seen.get(i)));
        }
        return made;
    }

    /** The same under other names of its tensors. */
    Ingredient as(Checkpoint seen) {
        return new Ingredient(what, original, seen, hashes);
    }

    TensorSource part(String name) {
        return checkpoint.part(name);
    }
}
