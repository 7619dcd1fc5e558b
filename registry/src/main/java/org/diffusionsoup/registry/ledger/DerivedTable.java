package org.diffusionsoup.registry.ledger;

import java.util.List;
import java.util.Locale;

/**
 * A table that is derived from the entries.
 *
 * <p>Columns stand in the order in which the migrations make them; the first ones are the key, and
 * those that a later entry fills ({@code withdrawn}, {@code superseded}) come last.
 */
enum DerivedTable {
    BASE(1, "id", "name", "checkpoint", "withdrawn"),
    SHARD(
            1,
            "id",
            "name",
            "provider",
            "licence",
            "uses",
            "expires",
            "source",
            "root",
            "samples",
            "withdrawn"),
    SAMPLE(2, "shard", "sha256", "fingerprint", "withdrawn"),
    INGREDIENT(1, "id", "name", "base", "checkpoint", "withdrawn"),
    INGREDIENT_SHARD(2, "ingredient", "shard"),
    SOUP(1, "id", "name", "version", "method", "follows", "checkpoint", "withdrawn", "superseded"),
    SOUP_MEMBER(2, "soup", "ingredient", "coefficient"),
    SOUP_SELECTION(2, "soup", "shard"),
    EVALUATION(1, "id", "soup", "what", "passed"),
    PUBLICATION(1, "id", "soup", "place", "withdrawn"),
    WITHDRAWAL(1, "id", "reason"),
    WEIGHT(2, "owner", "sha256", "withdrawn");

    private final int keys;
    private final List<String> columns;

    DerivedTable(int keys, String... columns) {
        this.keys = keys;
        this.columns = List.of(columns);
    }

    /** Its name in the database. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** How many of the columns, from the first, name a row. */
    int keys() {
        return keys;
    }

    List<String> columns() {
        return columns;
    }

    int column(String name) {
        return columns.indexOf(name);
    }
}
