package org.diffusionsoup.workbench.registry;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.registry.ledger.Json;

/**
 * Data that somebody has at hand, as a training recipe records it: known by its rows, in the
 * recipe's order and under its names.
 *
 * @param sources as {@link ShardRef} takes them
 * @param names those in the recipe, one for each source; empty where the recipe tells nothing of
 *     its data
 */
record GivenData(List<String> sources, List<String> names) {
    private static final String SHARDS = "shards";
    private static final int HASH_SHOWN = 8;

    private record Given(String source, int rows, String sha256) {
        boolean is(JsonObject recorded) {
            return rows == Json.number(recorded, "rows")
                    && sha256.equals(Json.string(recorded, "sha256"));
        }
    }

    /**
     * Compares what is given with what is recorded.
     *
     * @param given shards as {@code soup train} takes them, in any order
     * @throws SoupException if it is other data, less or more; or what is given is no shard
     */
    static GivenData of(String ingredient, JsonObject recipe, List<String> given) {
        if (recipe.get(SHARDS).isEmpty()) {
            return new GivenData(given, List.of());
        }
        List<Given> left = new ArrayList<>();
        for (String source : given) {
            Shard rows = ShardRef.parse(source).open().train();
            left.add(new Given(source, rows.size(), rows.sha256()));
        }
        List<String> sources = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (JsonObject recorded : Json.objects(recipe, SHARDS)) {
            left.stream()
                    .filter(g -> g.is(recorded))
                    .findFirst()
                    .ifPresentOrElse(
                            g -> {
                                left.remove(g);
                                sources.add(g.source());
                                names.add(Json.string(recorded, "name"));
                            },
                            () ->
                                    missing.add(
                                            rows(
                                                    Json.number(recorded, "rows"),
                                                    Json.string(recorded, "sha256"))));
        }
        if (!missing.isEmpty() || !left.isEmpty()) {
            throw new SoupException(
                    "This is not the data that ingredient %s was trained on: %s recorded, %s. Nothing was trained, and this says nothing of the certificate; give what the ingredient was trained on, after a withdrawal of single pictures the rows that were left."
                            .formatted(ingredient, recorded(missing), atHand(left)));
        }
        return new GivenData(sources, names);
    }

    private static String recorded(List<String> missing) {
        return missing.isEmpty() ? "no more is" : String.join(" and ", missing) + " are";
    }

    private static String atHand(List<Given> left) {
        return left.isEmpty()
                ? "and no data is given for that"
                : left.stream()
                        .map(g -> g.source() + " has " + rows(g.rows(), g.sha256()))
                        .collect(Collectors.joining(", "));
    }

    /** In words: how many rows, and the first digits of their hash. */
    static String rows(long rows, String sha256) {
        return "%s with the hash %s…"
                .formatted(
                        Plural.of(rows, "row"),
                        sha256.substring(0, Math.min(HASH_SHOWN, sha256.length())));
    }
}
