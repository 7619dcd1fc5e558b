package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One check of a ledger, on a connection that sees one state and writes nothing. The tables are
 * derived again in memory: in the database that is checked, a trigger could spoil what is derived
 * in the same way as what is compared with it.
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
        RowsInMemory derived = new RowsInMemory();
        for (Entry e : good) {
            Projection.apply(derived, e);
        }
        try {
            rows.addAll(derived.differences(connection));
        } catch (SQLException e) {
            if (database.isEmpty()) {
                throw e;
            }
            // A table is missing or another: that is told already.
        }
    }
}
