package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.jspecify.annotations.Nullable;

/** Fills the tables that queries use from the entries, which alone are the truth. */
final class Projection {
    /** Derived tables with the columns that order their rows. */
    static final List<List<String>> TABLES =
            List.of(
                    List.of("base", "id"),
                    List.of("shard", "id"),
                    List.of("sample", "shard", "sha256"),
                    List.of("ingredient", "id"),
                    List.of("ingredient_shard", "ingredient", "shard"),
                    List.of("soup", "id"),
                    List.of("soup_member", "soup", "ingredient"),
                    List.of("soup_selection", "soup", "shard"),
                    List.of("evaluation", "id"),
                    List.of("publication", "id"),
                    List.of("withdrawal", "id"),
                    List.of("weight", "owner", "sha256"));

    private Projection() {}

    static void clear(Connection c) throws SQLException {
        try (Statement s = c.createStatement()) {
            for (List<String> t : TABLES) {
                s.execute("DELETE FROM " + t.getFirst());
            }
        }
    }

    static void apply(Connection c, Entry e) throws SQLException {
        JsonObject b = e.body();
        switch (e.kind()) {
            case BASE -> {
                insert(
                        c,
                        "base (id, name, checkpoint)",
                        e.seq(),
                        Json.string(b, "name"),
                        Json.string(b, "checkpoint"));
                weights(c, e, b);
            }
            case SHARD -> shard(c, e, b);
            case INGREDIENT -> {
                insert(
                        c,
                        "ingredient (id, name, base, checkpoint)",
                        e.seq(),
                        Json.string(b, "name"),
                        Json.number(b, "base"),
                        Json.string(b, "checkpoint"));
                for (long shard : Json.numbers(b, "shards")) {
                    insert(c, "ingredient_shard (ingredient, shard)", e.seq(), shard);
                }
                weights(c, e, b);
            }
            case SOUP -> soup(c, e, b);
            case EVALUATION ->
                    insert(
                            c,
                            "evaluation (id, soup, what, passed)",
                            e.seq(),
                            Json.number(b, "soup"),
                            Json.string(b, "what"),
                            Json.flag(b, "passed") ? 1 : 0);
            case PUBLICATION ->
                    insert(
                            c,
                            "publication (id, soup, place)",
                            e.seq(),
                            Json.number(b, "soup"),
                            Json.string(b, "place"));
            case WITHDRAWAL -> withdrawal(c, e, b);
            case CORRECTION, RETIREMENT -> {
                // Read from the entries themselves: there are few, and they fill no table.
            }
        }
    }

    private static void weights(Connection c, Entry e, JsonObject b) throws SQLException {
        TreeSet<String> hashes = new TreeSet<>(Json.map(b, "files").values());
        hashes.add(Json.string(b, "checkpoint"));
        for (String hash : hashes) {
            insert(c, "weight (owner, sha256)", e.seq(), hash);
        }
    }

    /** Marks what must not come back. */
    private static void withdrawnWeights(Connection c, Entry e, JsonObject b) throws SQLException {
        if (b.get("weights").isEmpty()) {
            // Entries before there was an index of tensors: what they end is known by its files.
            List<Long> ended = new ArrayList<>(Json.numbers(b, "ingredients"));
            ended.addAll(Json.numbers(b, "soups"));
            for (long owner : ended) {
                update(
                        c,
                        "UPDATE weight SET withdrawn = ? WHERE owner = ? AND sha256 NOT IN (SELECT"
                                + " w.sha256 FROM weight w JOIN base b ON b.id = w.owner)",
                        e.seq(),
                        owner);
            }
            return;
        }
        String sql =
                "INSERT INTO weight (owner, sha256, withdrawn) VALUES (?, ?, ?) ON CONFLICT (owner,"
                        + " sha256) DO UPDATE SET withdrawn = excluded.withdrawn";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            boolean any = false;
            for (JsonObject part : Json.objects(b, "weights")) {
                for (String hash : new TreeSet<>(Json.strings(part, "sha256"))) {
                    s.setLong(1, Json.number(part, "entry"));
                    s.setString(2, hash);
                    s.setLong(3, e.seq());
                    s.addBatch();
                    any = true;
                }
            }
            if (any) {
                s.executeBatch();
            }
        }
    }

    private static void shard(Connection c, Entry e, JsonObject b) throws SQLException {
        insert(
                c,
                "shard (id, name, provider, licence, uses, expires, source, root, samples)",
                e.seq(),
                Json.string(b, "name"),
                Json.string(b, "provider"),
                Json.string(b, "licence"),
                Json.string(b, "uses"),
                b.string("expires").orElse(null),
                Json.string(b, "source"),
                Json.string(b, "root"),
                Json.number(b, "samples"));
        String sql = "INSERT INTO sample (shard, sha256, fingerprint) VALUES (?, ?, ?)";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (String line : Json.strings(b, "manifest")) {
                int space = line.indexOf(' ');
                s.setLong(1, e.seq());
                s.setString(2, space < 0 ? line : line.substring(0, space));
                s.setString(3, space < 0 ? "" : line.substring(space + 1));
                s.addBatch();
            }
            s.executeBatch();
        }
    }

    private static void soup(Connection c, Entry e, JsonObject b) throws SQLException {
        for (long old : Json.numbers(b, "replaces")) {
            update(c, "UPDATE soup SET superseded = ? WHERE id = ?", e.seq(), old);
        }
        insert(
                c,
                "soup (id, name, version, method, follows, checkpoint)",
                e.seq(),
                Json.string(b, "name"),
                Json.number(b, "version"),
                Json.string(b, "method"),
                Json.flag(b, "follows") ? 1 : 0,
                Json.string(b, "checkpoint"));
        weights(c, e, b);
        for (JsonObject m : Json.objects(b, "ingredients")) {
            insert(
                    c,
                    "soup_member (soup, ingredient, coefficient)",
                    e.seq(),
                    Json.number(m, "entry"),
                    Json.string(m, "coefficient"));
        }
        for (long shard : Json.numbers(b, "selected_among")) {
            insert(c, "soup_selection (soup, shard)", e.seq(), shard);
        }
    }

    private static void withdrawal(Connection c, Entry e, JsonObject b) throws SQLException {
        insert(c, "withdrawal (id, reason)", e.seq(), Json.string(b, "reason"));
        mark(c, "shard", e, Json.numbers(b, "shards"));
        mark(c, "base", e, Json.numbers(b, "bases"));
        mark(c, "ingredient", e, Json.numbers(b, "ingredients"));
        mark(c, "soup", e, Json.numbers(b, "soups"));
        mark(c, "publication", e, Json.numbers(b, "publications"));
        withdrawnWeights(c, e, b);
        String sql = "UPDATE sample SET withdrawn = ? WHERE shard = ? AND sha256 = ?";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            boolean any = false;
            for (JsonObject part : Json.objects(b, "samples")) {
                for (String hash : Json.strings(part, "sha256")) {
                    s.setLong(1, e.seq());
                    s.setLong(2, Json.number(part, "shard"));
                    s.setString(3, hash);
                    s.addBatch();
                    any = true;
                }
            }
            if (any) {
                s.executeBatch();
            }
        }
    }

    private static void mark(Connection c, String table, Entry e, List<Long> ids)
            throws SQLException {
        for (long id : ids) {
            // The first that asked counts: a copy handed out is listed by each withdrawal.
            update(
                    c,
                    "UPDATE " + table + " SET withdrawn = ? WHERE id = ? AND withdrawn IS NULL",
                    e.seq(),
                    id);
        }
    }

    private static void update(Connection c, String sql, long a, long b) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            s.setLong(1, a);
            s.setLong(2, b);
            s.executeUpdate();
        }
    }

    private static void insert(Connection c, String into, @Nullable Object... values)
            throws SQLException {
        String marks = "?" + ", ?".repeat(values.length - 1);
        String sql = "INSERT INTO " + into + " VALUES (" + marks + ")";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                switch (values[i]) {
                    case Long l -> s.setLong(i + 1, l);
                    case Integer n -> s.setInt(i + 1, n);
                    case null -> s.setNull(i + 1, java.sql.Types.VARCHAR);
                    default -> s.setString(i + 1, String.valueOf(values[i]));
                }
            }
            s.executeUpdate();
        }
    }
}
