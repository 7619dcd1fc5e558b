package org.diffusionsoup.registry.ledger;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.jspecify.annotations.Nullable;

/** Fills the tables that queries use from the entries, which alone are the truth. */
final class Projection {
    private Projection() {}

    static void apply(DerivedRows to, Entry e) throws SQLException {
        JsonObject b = e.body();
        switch (e.kind()) {
            case BASE -> {
                row(
                        to,
                        DerivedTable.BASE,
                        e.seq(),
                        Json.string(b, "name"),
                        Json.string(b, "checkpoint"));
                weights(to, e, b);
            }
            case SHARD -> shard(to, e, b);
            case INGREDIENT -> {
                row(
                        to,
                        DerivedTable.INGREDIENT,
                        e.seq(),
                        Json.string(b, "name"),
                        Json.number(b, "base"),
                        Json.string(b, "checkpoint"));
                rows(to, DerivedTable.INGREDIENT_SHARD, e.seq(), Json.numbers(b, "shards"));
                weights(to, e, b);
            }
            case SOUP -> soup(to, e, b);
            case EVALUATION ->
                    row(
                            to,
                            DerivedTable.EVALUATION,
                            e.seq(),
                            Json.number(b, "soup"),
                            Json.string(b, "what"),
                            Json.flag(b, "passed") ? 1 : 0);
            case PUBLICATION ->
                    row(
                            to,
                            DerivedTable.PUBLICATION,
                            e.seq(),
                            Json.number(b, "soup"),
                            Json.string(b, "place"));
            case WITHDRAWAL -> withdrawal(to, e, b);
            case CORRECTION, RETIREMENT -> {
                // Read from the entries themselves: there are few, and they fill no table.
            }
        }
    }

    private static void weights(DerivedRows to, Entry e, JsonObject b) throws SQLException {
        TreeSet<String> hashes = new TreeSet<>(Json.map(b, "files").values());
        hashes.add(Json.string(b, "checkpoint"));
        rows(to, DerivedTable.WEIGHT, e.seq(), hashes);
    }

    /** Marks what must not come back. */
    private static void withdrawnWeights(DerivedRows to, Entry e, JsonObject b)
            throws SQLException {
        if (b.get("weights").isEmpty()) {
            // Entries before there was an index of tensors: what they end is known by its files.
            for (String list : List.of("ingredients", "soups")) {
                for (long owner : Json.numbers(b, list)) {
                    to.withdrawWeights(owner, e.seq());
                }
            }
            return;
        }
        for (JsonObject part : Json.objects(b, "weights")) {
            to.withdrawWeights(
                    Json.number(part, "entry"),
                    new TreeSet<>(Json.strings(part, "sha256")),
                    e.seq());
        }
    }

    private static void shard(DerivedRows to, Entry e, JsonObject b) throws SQLException {
        row(
                to,
                DerivedTable.SHARD,
                e.seq(),
                Json.string(b, "name"),
                Json.string(b, "provider"),
                Json.string(b, "licence"),
                Json.string(b, "uses"),
                b.string("expires").orElse(null),
                Json.string(b, "source"),
                Json.string(b, "root"),
                Json.number(b, "samples"));
        List<@Nullable Object[]> samples = new ArrayList<>();
        for (String line : Json.strings(b, "manifest")) {
            String hash = picture(line);
            String fingerprint =
                    hash.length() == line.length() ? "" : line.substring(hash.length() + 1);
            samples.add(new @Nullable Object[] {e.seq(), hash, fingerprint});
        }
        to.insert(DerivedTable.SAMPLE, samples);
    }

    /** SHA-256 of the picture that a line of a shard's manifest is of. */
    static String picture(String line) {
        int space = line.indexOf(' ');
        return space < 0 ? line : line.substring(0, space);
    }

    private static void soup(DerivedRows to, Entry e, JsonObject b) throws SQLException {
        for (long old : Json.numbers(b, "replaces")) {
            to.supersede(old, e.seq());
        }
        row(
                to,
                DerivedTable.SOUP,
                e.seq(),
                Json.string(b, "name"),
                Json.number(b, "version"),
                Json.string(b, "method"),
                Json.flag(b, "follows") ? 1 : 0,
                Json.string(b, "checkpoint"));
        weights(to, e, b);
        List<@Nullable Object[]> members = new ArrayList<>();
        for (JsonObject m : Json.objects(b, "ingredients")) {
            members.add(
                    new @Nullable Object[] {
                        e.seq(), Json.number(m, "entry"), Json.string(m, "coefficient")
                    });
        }
        to.insert(DerivedTable.SOUP_MEMBER, members);
        rows(to, DerivedTable.SOUP_SELECTION, e.seq(), Json.numbers(b, "selected_among"));
    }

    private static void withdrawal(DerivedRows to, Entry e, JsonObject b) throws SQLException {
        row(to, DerivedTable.WITHDRAWAL, e.seq(), Json.string(b, "reason"));
        mark(to, DerivedTable.SHARD, e, Json.numbers(b, "shards"));
        mark(to, DerivedTable.BASE, e, Json.numbers(b, "bases"));
        mark(to, DerivedTable.INGREDIENT, e, Json.numbers(b, "ingredients"));
        mark(to, DerivedTable.SOUP, e, Json.numbers(b, "soups"));
        // The first that asked counts: a copy handed out is listed by each withdrawal.
        mark(to, DerivedTable.PUBLICATION, e, Json.numbers(b, "publications"));
        withdrawnWeights(to, e, b);
        for (JsonObject part : Json.objects(b, "samples")) {
            to.withdrawSamples(Json.number(part, "shard"), Json.strings(part, "sha256"), e.seq());
        }
    }

    private static void mark(DerivedRows to, DerivedTable table, Entry e, List<Long> ids)
            throws SQLException {
        for (long id : ids) {
            to.withdraw(table, id, e.seq());
        }
    }

    private static void row(DerivedRows to, DerivedTable table, @Nullable Object... values)
            throws SQLException {
        to.insert(table, Collections.singletonList(values));
    }

    /** Rows of an entry's number and one of several values each. */
    private static void rows(DerivedRows to, DerivedTable table, long entry, Collection<?> values)
            throws SQLException {
        List<@Nullable Object[]> rows = new ArrayList<>();
        values.forEach(v -> rows.add(new @Nullable Object[] {entry, v}));
        to.insert(table, rows);
    }
}
