package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * What a recipe names by SHA-256: the files that weights were averaged or trained from. Whoever
 * averages outside the registry and records the result brings in all data of what was averaged,
 * whichever shards are named for it.
 */
public final class NamedWeights {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private NamedWeights() {}

    /** All hashes in a recipe, at whatever place. */
    static Set<String> in(JsonObject recipe) {
        Set<String> found = new HashSet<>();
        collect(recipe, found);
        return found;
    }

    private static void collect(JsonValue value, Set<String> found) {
        switch (value) {
            case JsonObject o -> o.fields().values().forEach(v -> collect(v, found));
            case JsonArray(List<JsonValue> items) -> items.forEach(v -> collect(v, found));
            case JsonString(String text) -> {
                if (SHA256.matcher(text).matches()) {
                    found.add(text);
                }
            }
            default -> {}
        }
    }

    /**
     * Shards that something was trained on by way of a recorded ingredient or soup that its recipe
     * names, and that are not among those named for it.
     *
     * @param base what it starts from, whose files every ingredient may have
     * @param shards entries of the shards named for it
     * @return a sentence that names the first such ingredient or soup and its shards; empty if
     *     there is none
     */
    public static Optional<String> unsaid(
            Queries q, String what, JsonObject recipe, BaseRow base, List<Long> shards) {
        Set<String> named = in(recipe);
        named.removeAll(files(q, base.id()));
        if (named.isEmpty()) {
            return Optional.empty();
        }
        Map<Long, IngredientRow> ingredients = new TreeMap<>();
        q.ingredients().forEach(i -> ingredients.put(i.id(), i));
        for (IngredientRow i : ingredients.values()) {
            if (files(q, i.id()).stream().anyMatch(named::contains)) {
                Set<Long> missing = new LinkedHashSet<>(i.shards());
                shards.forEach(missing::remove);
                if (!missing.isEmpty()) {
                    return Optional.of(sentence(q, what, "ingredient '" + i.name() + "'", missing));
                }
            }
        }
        for (SoupRow s : q.soups()) {
            if (files(q, s.id()).stream().anyMatch(named::contains)) {
                Set<Long> missing = new LinkedHashSet<>();
                s.members()
                        .forEach(m ->
                                Optional.ofNullable(ingredients.get(m.ingredient()))
                                        .ifPresent(i -> missing.addAll(i.shards())));
                shards.forEach(missing::remove);
                if (!missing.isEmpty()) {
                    return Optional.of(sentence(q, what, "soup " + s.label(), missing));
                }
            }
        }
        return Optional.empty();
    }

    private static Set<String> files(Queries q, long entry) {
        return Set.copyOf(Json.map(q.entry(entry).body(), "files").values());
    }

    private static String sentence(Queries q, String what, String madeOf, Set<Long> missing) {
        List<String> names = new ArrayList<>();
        q.shards().stream().filter(s -> missing.contains(s.id())).forEach(s -> names.add(s.name()));
        String all = String.join(", ", names);
        return "%s was made of %s, as its recipe says, and so from the data of %s; name that, too (`shard` %s), so that it leaves with it."
                .formatted(what, madeOf, all, String.join(" `shard` ", names));
    }
}
