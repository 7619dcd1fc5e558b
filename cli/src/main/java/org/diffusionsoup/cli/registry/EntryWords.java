package org.diffusionsoup.cli.registry;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** What an entry of the ledger is about, in a line. */
final class EntryWords {
    /** So many names are listed. */
    private static final int MOST_NAMES = 3;

    private EntryWords() {}

    static String about(Queries q, Entry e) {
        JsonObject body = e.body();
        return switch (e.kind()) {
            case SOUP -> label(q, e.seq());
            case EVALUATION ->
                    Json.string(body, "what") + " of " + label(q, Json.number(body, "soup"));
            case PUBLICATION ->
                    label(q, Json.number(body, "soup")) + " to " + Json.string(body, "place");
            case WITHDRAWAL -> withdrawn(q, body) + ": " + Json.string(body, "reason");
            case RETIREMENT, CORRECTION ->
                    Json.string(body, "name") + ": " + Json.string(body, "reason");
            case BASE, SHARD, INGREDIENT -> Json.string(body, "name");
        };
    }

    private static String label(Queries q, long soup) {
        return q.soup(soup).map(SoupRow::label).orElse("");
    }

    /** What left, as it was named; what left with it is counted. */
    private static String withdrawn(Queries q, JsonObject body) {
        List<String> parts = new ArrayList<>();
        List<Long> shards = Json.numbers(body, "shards");
        if (!shards.isEmpty()) {
            parts.add((shards.size() == 1 ? "shard " : "shards ") + names(q, shards));
        }
        for (JsonObject s : Json.objects(body, "samples")) {
            parts.add(
                    Plural.of(Json.strings(s, "sha256").size(), "picture")
                            + " of shard "
                            + names(q, List.of(Json.number(s, "shard"))));
        }
        count(parts, body, "ingredients", "ingredient");
        count(parts, body, "bases", "base");
        count(parts, body, "soups", "soup");
        return String.join(", ", parts);
    }

    private static void count(List<String> parts, JsonObject body, String list, String one) {
        int n = body.get(list).isEmpty() ? 0 : Json.numbers(body, list).size();
        if (n > 0) {
            parts.add(Plural.of(n, one));
        }
    }

    private static String names(Queries q, List<Long> entries) {
        List<String> names =
                entries.stream()
                        .limit(MOST_NAMES)
                        .map(id -> Json.string(q.entry(id).body(), "name"))
                        .toList();
        int more = entries.size() - names.size();
        return String.join(", ", names) + (more > 0 ? " and " + more + " more" : "");
    }
}
