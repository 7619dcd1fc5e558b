package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Derived rows in memory, which nobody else can have touched, to compare a database's with. (A
 * second database would do, and takes several times as long: ledgers hold hundreds of thousands of
 * pictures, and are compared before anything is signed.)
 */
final class RowsInMemory implements DerivedRows {
    private final Map<DerivedTable, Map<String, @Nullable String[]>> tables =
            new EnumMap<>(DerivedTable.class);

    RowsInMemory() {
        for (DerivedTable t : DerivedTable.values()) {
            tables.put(t, new LinkedHashMap<>());
        }
    }

    private Map<String, @Nullable String[]> of(DerivedTable table) {
        return tables.getOrDefault(table, Map.of());
    }

    private static String key(DerivedTable table, @Nullable String[] row) {
        return table.keys() == 1 ? String.valueOf(row[0]) : row[0] + "/" + row[1];
    }

    @Override
    public void insert(DerivedTable table, List<@Nullable Object[]> rows) {
        Map<String, @Nullable String[]> all = of(table);
        for (@Nullable Object[] values : rows) {
            @Nullable String[] row = new @Nullable String[table.columns().size()];
            for (int i = 0; i < values.length; i++) {
                Object v = values[i];
                row[i] = v == null ? null : v.toString();
            }
            all.put(key(table, row), row);
        }
    }

    @Override
    public void withdraw(DerivedTable table, long id, long entry) {
        @Nullable String[] row = of(table).get(String.valueOf(id));
        int at = table.column("withdrawn");
        if (row != null && row[at] == null) {
            row[at] = String.valueOf(entry);
        }
    }

    @Override
    public void supersede(long soup, long entry) {
        @Nullable String[] row = of(DerivedTable.SOUP).get(String.valueOf(soup));
        if (row != null) {
            row[DerivedTable.SOUP.column("superseded")] = String.valueOf(entry);
        }
    }

    @Override
    public void withdrawSamples(long shard, Collection<String> sha256, long entry) {
        for (String hash : sha256) {
            @Nullable String[] row = of(DerivedTable.SAMPLE).get(shard + "/" + hash);
            if (row != null) {
                row[DerivedTable.SAMPLE.column("withdrawn")] = String.valueOf(entry);
            }
        }
    }

    @Override
    public void withdrawWeights(long owner, Collection<String> sha256, long entry) {
        for (String hash : sha256) {
            @Nullable String[] row = {String.valueOf(owner), hash, String.valueOf(entry)};
            of(DerivedTable.WEIGHT).put(key(DerivedTable.WEIGHT, row), row);
        }
    }

    @Override
    public void withdrawWeights(long owner, long entry) {
        Set<String> ofBases = new HashSet<>();
        List<@Nullable String[]> own = new ArrayList<>();
        for (@Nullable String[] row : of(DerivedTable.WEIGHT).values()) {
            if (of(DerivedTable.BASE).containsKey(String.valueOf(row[0]))) {
                ofBases.add(String.valueOf(row[1]));
            }
            if (String.valueOf(owner).equals(row[0])) {
                own.add(row);
            }
        }
        own.stream()
                .filter(row -> !ofBases.contains(String.valueOf(row[1])))
                .forEach(row -> row[2] = String.valueOf(entry));
    }

    /** Where a database's tables have other rows, a sentence for each; empties these. */
    List<String> differences(Connection c) throws SQLException {
        List<String> found = new ArrayList<>();
        for (DerivedTable t : DerivedTable.values()) {
            compare(t, c, found);
        }
        return found;
    }

    private void compare(DerivedTable table, Connection c, List<String> found) throws SQLException {
        Map<String, @Nullable String[]> expected = of(table);
        String where = "table " + table.word() + ": row ";
        List<String> more = new ArrayList<>();
        // In no order: rows are looked up one by one, and to sort them takes longer than that.
        String sql = "SELECT " + String.join(", ", table.columns()) + " FROM " + table.word();
        int columns = table.columns().size();
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery(sql)) {
            while (r.next()) {
                @Nullable String[] is = new @Nullable String[columns];
                for (int i = 0; i < columns; i++) {
                    is[i] = r.getString(i + 1);
                }
                String key = key(table, is);
                @Nullable String[] row = expected.remove(key);
                if (row == null) {
                    more.add(where + key + " has no entry");
                } else if (!Arrays.equals(row, is)) {
                    found.add(where + key + " differs from what the entries say");
                }
            }
        }
        expected.keySet().forEach(key -> found.add(where + key + " is missing"));
        found.addAll(more);
    }
}
