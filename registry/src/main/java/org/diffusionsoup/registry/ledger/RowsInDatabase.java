package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Derived rows in a ledger's database, in the transaction of a connection. */
final class RowsInDatabase implements DerivedRows {
    private final Connection connection;

    RowsInDatabase(Connection connection) {
        this.connection = connection;
    }

    /** Deletes all of them. */
    void clear() throws SQLException {
        try (Statement s = connection.createStatement()) {
            for (DerivedTable t : DerivedTable.values()) {
                s.execute("DELETE FROM " + t.word());
            }
        }
    }

    @Override
    public void insert(DerivedTable table, List<@Nullable Object[]> rows) throws SQLException {
        if (rows.isEmpty()) {
            return;
        }
        int n = rows.getFirst().length;
        String sql =
                "INSERT INTO %s (%s) VALUES (?%s)"
                        .formatted(
                                table.word(),
                                String.join(", ", table.columns().subList(0, n)),
                                ", ?".repeat(n - 1));
        try (PreparedStatement s = connection.prepareStatement(sql)) {
            for (@Nullable Object[] row : rows) {
                for (int i = 0; i < n; i++) {
                    switch (row[i]) {
                        case Long l -> s.setLong(i + 1, l);
                        case Integer x -> s.setInt(i + 1, x);
                        case null -> s.setNull(i + 1, java.sql.Types.VARCHAR);
                        default -> s.setString(i + 1, String.valueOf(row[i]));
                    }
                }
                s.addBatch();
            }
            s.executeBatch();
        }
    }

    @Override
    public void withdraw(DerivedTable table, long id, long entry) throws SQLException {
        update(
                "UPDATE " + table.word() + " SET withdrawn = ? WHERE id = ? AND withdrawn IS NULL",
                entry,
                id);
    }

    @Override
    public void supersede(long soup, long entry) throws SQLException {
        update("UPDATE soup SET superseded = ? WHERE id = ?", entry, soup);
    }

    private void update(String sql, long a, long b) throws SQLException {
        try (PreparedStatement s = connection.prepareStatement(sql)) {
            s.setLong(1, a);
            s.setLong(2, b);
            s.executeUpdate();
        }
    }

    @Override
    public void withdrawSamples(long shard, Collection<String> sha256, long entry)
            throws SQLException {
        each(
                "UPDATE sample SET withdrawn = ? WHERE shard = ? AND sha256 = ?",
                shard,
                sha256,
                entry);
    }

    @Override
    public void withdrawWeights(long owner, Collection<String> sha256, long entry)
            throws SQLException {
        each(
                "INSERT INTO weight (withdrawn, owner, sha256) VALUES (?, ?, ?) ON CONFLICT (owner,"
                        + " sha256) DO UPDATE SET withdrawn = excluded.withdrawn",
                owner,
                sha256,
                entry);
    }

    @Override
    public void withdrawWeights(long owner, long entry) throws SQLException {
        update(
                "UPDATE weight SET withdrawn = ? WHERE owner = ? AND sha256 NOT IN (SELECT w.sha256"
                        + " FROM weight w JOIN base b ON b.id = w.owner)",
                entry,
                owner);
    }

    private void each(String sql, long id, Collection<String> sha256, long entry)
            throws SQLException {
        if (sha256.isEmpty()) {
            return;
        }
        try (PreparedStatement s = connection.prepareStatement(sql)) {
            for (String hash : sha256) {
                s.setLong(1, entry);
                s.setLong(2, id);
                s.setString(3, hash);
                s.addBatch();
            }
            s.executeBatch();
        }
    }
}
