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

/** One check of a ledger, in a transaction that is rolled back. */
final class LedgerCheck {
    private final Connection connection;
    private final PublicKeyFile key;
    private final List<String> wrong = new ArrayList<>();
    private final List<Entry> good = new ArrayList<>();

    LedgerCheck(Connection connection, PublicKeyFile key) {
        this.connection = connection;
        this.key = key;
    }

    List<String> run() throws SQLException {
        chain();
        if (wrong.isEmpty()) {
            tables();
        }
        return wrong;
    }

    private void chain() throws SQLException {
        String prev = Entry.START;
        String time = "";
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
                    prev = r.getString("prev"); // told once
                }
                String body = r.getString("body");
                String kind = r.getString("kind");
                String at = r.getString("time");
                String hash = r.getString("hash");
                if (!r.getString("prev").equals(prev)) {
                    wrong.add(row + ": does not follow the entry before it (prev)");
                }
                if (!Entry.hash(seq, r.getString("prev"), at, kind, body).equals(hash)) {
                    wrong.add(row + " (" + kind + "): altered, its hash does not fit its content");
                } else if (!Entry.signed(hash, r.getString("signature"), key)) {
                    wrong.add(row + " (" + kind + "): not signed by the key " + key.id());
                } else if (!time.isEmpty() && Instant.parse(at).isBefore(Instant.parse(time))) {
                    wrong.add(row + ": dated before the entry ahead of it");
                } else {
                    good.add(Ledger.entry(r));
                }
                prev = hash;
                time = at;
                expected = seq + 1;
            }
        }
    }

    private void tables() throws SQLException {
        Map<String, Map<String, String>> stored = dump();
        Projection.clear(connection);
        for (Entry e : good) {
            Projection.apply(connection, e);
        }
        Map<String, Map<String, String>> fresh = dump();
        fresh.forEach((table, rows) -> {
            Map<String, String> have = stored.getOrDefault(table, Map.of());
            rows.forEach((id, content) -> {
                String is = have.get(id);
                if (is == null) {
                    wrong.add("table " + table + ": row " + id + " is missing");
                } else if (!is.equals(content)) {
                    wrong.add(
                            "table "
                                    + table
                                    + ": row "
                                    + id
                                    + " differs from what the entries say");
                }
            });
            have.keySet().stream()
                    .filter(id -> !rows.containsKey(id))
                    .forEach(id -> wrong.add("table " + table + ": row " + id + " has no entry"));
        });
    }

    private Map<String, Map<String, String>> dump() throws SQLException {
        Map<String, Map<String, String>> all = new LinkedHashMap<>();
        for (List<String> t : Projection.TABLES) {
            List<String> keys = t.subList(1, t.size());
            Map<String, String> rows = new LinkedHashMap<>();
            String sql = "SELECT * FROM " + t.getFirst() + " ORDER BY " + String.join(", ", keys);
            try (Statement s = connection.createStatement();
                    ResultSet r = s.executeQuery(sql)) {
                ResultSetMetaData m = r.getMetaData();
                while (r.next()) {
                    StringBuilder id = new StringBuilder();
                    for (String k : keys) {
                        id.append(id.isEmpty() ? "" : "/").append(r.getString(k));
                    }
                    StringBuilder content = new StringBuilder();
                    for (int i = 1; i <= m.getColumnCount(); i++) {
                        content.append(r.getString(i)).append('\u0000');
                    }
                    rows.put(id.toString(), content.toString());
                }
            }
            all.put(t.getFirst(), rows);
        }
        return all;
    }
}
