package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One check of a ledger, on a connection that sees one state and writes nothing. The tables are
 * derived again in a database of their own, in memory: in the one that is checked, a trigger could
 * spoil what is derived in the same way as what is compared with it.
 */
final class LedgerCheck {
    private final Connection connection;
    private final boolean postgres;
    private final PublicKeyFile key;
    private final Instant now;
    private final List<String> database = new ArrayList<>();
    private final List<String> wrong = new ArrayList<>();
    private final List<String> rows = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final List<Entry> good = new ArrayList<>();

    LedgerCheck(Connection connection, boolean postgres, PublicKeyFile key, Instant now) {
        this.connection = connection;
        this.postgres = postgres;
        this.key = key;
        this.now = now;
    }

    LedgerFindings run() throws SQLException {
        Schema.differences(connection, postgres)
                .forEach(d -> database.add("the ledger's database " + d));
        if (!postgres) {
            integrity();
        }
        chain();
        if (wrong.isEmpty()) {
            LedgerRules rules = new LedgerRules();
            for (Entry e : good) {
                rules.accept(e)
                        .forEach(s ->
                                wrong.add(
                                        "ledger entry %d (%s): %s"
                                                .formatted(e.seq(), e.kind().word(), s)));
            }
        }
        if (wrong.isEmpty()) {
            tables();
        }
        return new LedgerFindings(database, wrong, rows, notes);
    }

    /** An index that lacks rows of its table hides them from some queries and not from others. */
    private void integrity() throws SQLException {
        try (Statement s = connection.createStatement();
                ResultSet r = s.executeQuery("PRAGMA integrity_check(20)")) {
            while (r.next()) {
                if (!"ok".equals(r.getString(1))) {
                    database.add("the ledger's database is damaged: " + r.getString(1));
                }
            }
        }
    }

    private void chain() throws SQLException {
        String prev = Entry.START;
        @Nullable Entry last = null;
        long expected = 1;
        try (Statement s = connection.createStatement();
                ResultSet r = s.executeQuery("SELECT * FROM entry ORDER BY seq")) {
            while (r.next()) {
                long seq = r.getLong("seq");
                String row = "ledger entry " + seq;
                if (seq != expected) {
                    wrong.add(
                            "ledger entry "
                                    + expected
                                    + (seq == expected + 1 ? "" : " to " + (seq - 1))
                                    + ": missing");
                    prev = text(r, "prev"); // told once
                }
                String body = text(r, "body");
                String kind = text(r, "kind");
                String hash = text(r, "hash");
                if (!text(r, "prev").equals(prev)) {
                    wrong.add(row + ": does not follow the entry before it (prev)");
                }
                if (!Entry.hash(seq, text(r, "prev"), text(r, "time"), kind, body).equals(hash)) {
                    wrong.add(row + " (" + kind + "): altered, its hash does not fit its content");
                } else if (!Entry.signed(hash, text(r, "signature"), key)) {
                    wrong.add(row + " (" + kind + "): not signed by the key " + key.id());
                } else {
                    Entry e = Entry.of(r);
                    dates(last, e);
                    good.add(e);
                    last = e;
                }
                prev = hash;
                expected = seq + 1;
            }
        }
        if (last != null && Dates.isAhead(last, now)) {
            notes.add(
                    "ledger entry %d is dated %s, and this machine's clock says %s: one of them is wrong"
                            .formatted(last.seq(), last.time(), now));
        }
    }

    private void dates(@Nullable Entry before, Entry e) {
        if (before == null || !e.instant().isBefore(before.instant())) {
            return;
        }
        if (Dates.isMarked(e, before)) {
            notes.add(
                    "ledger entry %d is dated %s, before entry %d (%s), whose date was said to be wrong"
                            .formatted(e.seq(), e.time(), before.seq(), before.time()));
        } else {
            wrong.add("ledger entry " + e.seq() + ": dated before the entry ahead of it");
        }
    }

    private static String text(ResultSet r, String column) throws SQLException {
        return String.valueOf(r.getString(column));
    }

    private void tables() throws SQLException {
        Map<String, Map<String, String>> fresh;
        try (Connection c = Schema.inMemory()) {
            c.setAutoCommit(false);
            for (Entry e : good) {
                Projection.apply(c, e);
            }
            fresh = dump(c, Projection.TABLES);
        }
        Map<String, Map<String, String>> stored;
        try {
            stored = dump(connection, Projection.TABLES);
        } catch (SQLException e) {
            if (database.isEmpty()) {
                throw e;
            }
            return; // a table is missing or another: that is told already
        }
        fresh.forEach((table, expected) -> {
            Map<String, String> have = stored.getOrDefault(table, Map.of());
            expected.forEach((id, content) -> {
                String is = have.get(id);
                if (is == null) {
                    rows.add("table " + table + ": row " + id + " is missing");
                } else if (!is.equals(content)) {
                    rows.add(
                            "table "
                                    + table
                                    + ": row "
                                    + id
                                    + " differs from what the entries say");
                }
            });
            have.keySet().stream()
                    .filter(id -> !expected.containsKey(id))
                    .forEach(id -> rows.add("table " + table + ": row " + id + " has no entry"));
        });
    }

    private static Map<String, Map<String, String>> dump(Connection c, List<List<String>> tables)
            throws SQLException {
        Map<String, Map<String, String>> all = new LinkedHashMap<>();
        for (List<String> t : tables) {
            List<String> keys = t.subList(1, t.size());
            Map<String, String> rows = new LinkedHashMap<>();
            String sql = "SELECT * FROM " + t.getFirst() + " ORDER BY " + String.join(", ", keys);
            try (Statement s = c.createStatement();
                    ResultSet r = s.executeQuery(sql)) {
                ResultSetMetaData m = r.getMetaData();
                while (r.next()) {
                    StringBuilder id = new StringBuilder();
                    for (String k : keys) {
                        id.append(id.isEmpty() ? "" : "/").append(r.getString(k));
                    }
                    StringBuilder content = new StringBuilder();
                    for (int i = 1; i <= m.getColumnCount(); i++) {
                        String value = r.getString(i);
                        // A missing value is not the text "null".
                        content.append(value == null ? "-" : "+" + value).append('\u0000');
                    }
                    rows.put(id.toString(), content.toString());
                }
            }
            all.put(t.getFirst(), rows);
        }
        return all;
    }
}
