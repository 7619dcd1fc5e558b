package org.diffusionsoup.workbench.value;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;

/** Whose pictures ingredients were trained on, as a registry's ledger has it. */
public final class Providers {
    private Providers() {}

    /**
     * The providers of each ingredient's shards; several are joined by {@code " + "}, since what
     * was trained on both is neither's alone.
     *
     * @param ingredients folders; each is recognized by the hashes of its weight files
     * @throws SoupException if the ledger has one of them not, or not any more
     */
    public static List<String> of(Registry registry, List<Path> ingredients) {
        List<IngredientRow> recorded = recorded(registry, ingredients);
        return registry.read(q -> {
            Map<Long, String> providers = new HashMap<>();
            q.shards().forEach(s -> providers.put(s.id(), s.provider()));
            List<String> owners = new ArrayList<>();
            for (IngredientRow i : recorded) {
                TreeSet<String> who = new TreeSet<>();
                i.shards().forEach(s -> who.add(providers.getOrDefault(s, "")));
                owners.add(String.join(" + ", who));
            }
            return owners;
        });
    }

    /** What the ledger has of them, in their order; refused as above. */
    static List<IngredientRow> recorded(Registry registry, List<Path> ingredients) {
        return registry.read(q -> {
            Map<Map<String, String>, IngredientRow> known = new HashMap<>();
            for (IngredientRow i : q.ingredients()) {
                known.merge(
                        new TreeMap<>(Json.map(q.entry(i.id()).body(), "files")),
                        i,
                        (a, b) -> a.isLive() ? a : b);
            }
            List<IngredientRow> found = new ArrayList<>();
            for (Path path : ingredients) {
                IngredientRow i = known.get(files(path));
                if (i == null) {
                    throw new SoupException(
                            "%s is no ingredient of the registry %s; record it with 'soup ingredient add', or group ingredients with `group` NAME=a,b."
                                    .formatted(path, registry.folder()));
                }
                if (!i.isLive()) {
                    throw new SoupException(
                            "%s is ingredient '%s' of the registry %s, which %s; leave it out."
                                    .formatted(
                                            path,
                                            i.name(),
                                            registry.folder(),
                                            i.withdrawn()
                                                    .map(e -> "was withdrawn (entry " + e + ")")
                                                    .orElse("is retired")));
                }
                found.add(i);
            }
            return found;
        });
    }

    private static Map<String, String> files(Path folder) {
        Map<String, String> files = new TreeMap<>();
        for (String f : DiffusersFolder.open(folder).weightFiles()) {
            files.put(f, Hashes.sha256(folder.resolve(f)));
        }
        return files;
    }
}
