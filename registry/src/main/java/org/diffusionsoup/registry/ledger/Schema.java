package org.diffusionsoup.registry.ledger;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Plural;
import org.postgresql.PGStatement;

/**
 * What the migrations make, and what a database has instead. Whoever can write to a database can
 * give it triggers, views in place of tables, or indexes that leave rows out; statements that look
 * right then do something else. So a ledger's database has to have what the migrations make, and
 * nothing beside it.
 */
final class Schema {
    /** The migrations in their order; the last one's position is the version of the tables. */
    static final List<String> MIGRATIONS =
            List.of("V1__ledger.sql", "V2__weights.sql", "V3__registry.sql");

    /** From the root: a jar knows no way up. */
    private static final String FOLDER = "/org/diffusionsoup/registry/migration/";

    /** Flyway's own, whose columns depend on Flyway's version; nothing of ours depends on them. */
    private static final String HISTORY = "flyway_schema_history";

    /** One query for everything that PostgreSQL has on what is in the current schema. */
    private static final String POSTGRES =
            """
            WITH ours AS (
                SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = current_schema() AND NOT EXISTS (
                    SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                    AND d.objid = c.oid AND d.deptype = 'e'))
            SELECT CASE relkind WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view '
                    WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
                    ELSE 'relation ' END || relname AS what,
                CASE WHEN relrowsecurity THEN 'with row security ' ELSE '' END
                    || CASE relpersistence WHEN 'p' THEN '' ELSE 'not logged' END AS how
            FROM ours WHERE relkind NOT IN ('i', 'I', 't')
            UNION ALL
            SELECT 'column ' || c.relname || '.' || a.attname,
                format_type(a.atttypid, a.atttypmod)
                    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                    || CASE WHEN a.atthasdef THEN ' with a default' ELSE '' END
                    || CASE WHEN a.attcollation <> t.typcollation THEN ' collated' ELSE '' END
            FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
            WHERE c.relkind NOT IN ('i', 'I', 't', 'S') AND a.attnum > 0 AND NOT a.attisdropped
                AND c.relname <> 'flyway_schema_history'
            UNION ALL
            SELECT 'constraint on ' || c.relname || ': ' || pg_get_constraintdef(k.oid),
                CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE 'not in force' END
            FROM ours c JOIN pg_constraint k ON k.conrelid = c.oid
                LEFT JOIN pg_index i ON i.indexrelid = k.conindid
            WHERE k.contype <> 'n' AND c.relname <> 'flyway_schema_history'
            UNION ALL
            SELECT 'index ' || x.relname || ' on ' || c.relname,
                replace(pg_get_indexdef(i.indexrelid), quote_ident(current_schema()) || '.', '')
                    || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' not in force' END
            FROM ours c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
            WHERE c.relname <> 'flyway_schema_history'
                AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
            UNION ALL
            SELECT 'trigger ' || t.tgname || ' on ' || c.relname, ''
            FROM ours c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
            UNION ALL
            SELECT 'rule ' || r.rulename || ' on ' || c.relname, ''
            FROM ours c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.relkind = 'r'
            UNION ALL
            SELECT 'policy ' || p.polname || ' on ' || c.relname, ''
            FROM ours c JOIN pg_policy p ON p.polrelid = c.oid
            UNION ALL
            SELECT 'operator ' || o.oprname::text || ' (' || o.oprleft::regtype::text || ', '
                    || o.oprright::regtype::text || ')', ''
            FROM pg_operator o WHERE o.oprnamespace = current_schema()::regnamespace
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass
                    AND d.objid = o.oid AND d.deptype = 'e')
            UNION ALL
            SELECT 'function ' || p.oid::regprocedure::text, ''
            FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
                AND EXISTS (SELECT 1 FROM pg_proc x WHERE x.proname = p.proname
                    AND x.pronamespace = 'pg_catalog'::regnamespace)
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                    AND d.objid = p.oid AND d.deptype = 'e')
            UNION ALL
            SELECT 'cast (' || k.castsource::regtype::text || ' as '
                    || k.casttarget::regtype::text || ')', ''
            FROM pg_cast k WHERE k.oid >= 16384
                AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass
                    AND d.objid = k.oid AND d.deptype = 'e')
            UNION ALL
            SELECT 'inheritance of ' || c.relname || ' by ' || i.inhrelid::regclass::text, ''
            FROM ours c JOIN pg_inherits i ON i.inhparent = c.oid WHERE c.relkind = 'r'
            """;

    private static final String TABLE = "table ";

    private static final String STAYS = "; no repair drops what may be somebody's own:";

    private Schema() {}

    /** What the migrations do, statement by statement. */
    static List<String> statements() {
        return MIGRATIONS.stream().flatMap(Schema::statements).toList();
    }

    private static Stream<String> statements(String migration) {
        try (InputStream in =
                Objects.requireNonNull(
                        Schema.class.getResourceAsStream(FOLDER + migration), migration)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            String code =
                    text.lines()
                            .filter(l -> !l.strip().startsWith("--"))
                            .collect(Collectors.joining("\n"));
            return Stream.of(code.split(";")).map(String::strip).filter(s -> !s.isEmpty());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An empty ledger in memory, which nobody else can have touched. */
    static Connection inMemory() throws SQLException {
        Connection c = DriverManager.getConnection("jdbc:sqlite::memory:");
        boolean done = false;
        try (Statement s = c.createStatement()) {
            for (String sql : statements()) {
                s.execute(sql);
            }
            done = true;
            return c;
        } finally {
            if (!done) {
                c.close();
            }
        }
    }

    /** What the migrations make; worked out once, and only for the database that is asked about. */
    private static final class Expected {
        static final Map<String, String> SQLITE = made(Schema::sqlite);

        private Expected() {}

        static final class InPostgres {
            static final Map<String, String> MADE = made(Schema::translated);

            private InPostgres() {}
        }

        private interface Look {
            Map<String, String> at(Connection c) throws SQLException;
        }

        private static Map<String, String> made(Look look) {
            try (Connection c = inMemory()) {
                return look.at(c);
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * What a database has that the migrations do not make, lacks, or has in another way.
     *
     * @return sentences without a subject, such as {@code has a trigger x on shard, …}
     */
    static List<String> differences(Connection c, boolean postgres) throws SQLException {
        Map<String, String> expected = postgres ? Expected.InPostgres.MADE : Expected.SQLITE;
        Map<String, String> actual = postgres ? postgres(c) : sqlite(c);
        List<String> found = new ArrayList<>();
        actual.forEach((what, how) -> {
            String is = expected.get(what);
            if (is == null && isPartOfAnother(what, expected)) {
                return; // of a table that is told as a whole
            }
            if (is == null) {
                found.add(
                        "has "
                                + Plural.one(what)
                                + ", which no version of this program makes"
                                + (isSomebodys(what) ? byHand(what) : ""));
            } else if (!is.equals(how)) {
                found.add("has the " + what + " in another way than this program makes it");
            }
        });
        expected.keySet().stream()
                .filter(what -> !actual.containsKey(what))
                .forEach(what -> found.add("lacks the " + what));
        return found;
    }

    /** What may be somebody's own, in a database that the ledger is not alone in. */
    private static boolean isSomebodys(String what) {
        return Stream.of(TABLE, "operator ", "function ", "cast ").anyMatch(what::startsWith);
    }

    private static String byHand(String what) {
        int kind = what.indexOf(' ');
        String drop = what.substring(0, kind).toUpperCase(java.util.Locale.ROOT);
        return STAYS + " 'DROP " + drop + what.substring(kind) + "' takes it out";
    }

    /** Whether making the tables anew leaves what a sentence of {@link #differences} tells. */
    static boolean isLeft(String difference) {
        return difference.contains(STAYS);
    }

    /** Whether a sentence of {@link #differences} is about the mark of the ledger's registry. */
    static boolean isOfMark(String difference) {
        return difference.matches("(?s).*\\b(table|column|on) registry\\b.*");
    }

    private static boolean isPartOfAnother(String what, Map<String, String> expected) {
        String table =
                what.startsWith("column ")
                        ? what.substring("column ".length(), what.indexOf('.'))
                        : what.startsWith("constraint on ")
                                ? what.substring("constraint on ".length(), what.indexOf(": "))
                                : "";
        return !table.isEmpty() && !expected.containsKey("table " + table);
    }

    private static Map<String, String> sqlite(Connection c) throws SQLException {
        Map<String, String> all = new TreeMap<>();
        try (Statement s = c.createStatement();
                ResultSet r =
                        s.executeQuery("SELECT type, name, tbl_name, sql FROM sqlite_master")) {
            while (r.next()) {
                String type = String.valueOf(r.getString("type"));
                String name = String.valueOf(r.getString("name"));
                String sql = r.getString("sql");
                // An index without SQL is a constraint's; sqlite_ names are SQLite's statistics.
                boolean own = type.equals("index") && sql == null;
                boolean statistics = type.equals("table") && name.matches("sqlite_stat[1-4]");
                boolean history =
                        (type.equals("table") && name.equals(HISTORY))
                                || (type.equals("index") && name.equals(HISTORY + "_s_idx"));
                if (!own && !statistics && !history) {
                    String on = type.equals("table") ? "" : " on " + r.getString("tbl_name");
                    all.put(
                            type + " " + name + on,
                            String.valueOf(sql).replaceAll("\\s+", " ").strip());
                }
            }
        }
        return all;
    }

    private static Map<String, String> postgres(Connection c) throws SQLException {
        Map<String, String> all = new TreeMap<>();
        try (PreparedStatement s = c.prepareStatement(POSTGRES)) {
            // Planning it takes ten times as long as its execution.
            s.unwrap(PGStatement.class).setPrepareThreshold(1);
            try (ResultSet r = s.executeQuery()) {
                while (r.next()) {
                    all.put(r.getString(1), r.getString(2).strip());
                }
            }
        }
        all.remove("table " + HISTORY);
        return all;
    }

    /** The tables of a SQLite database in the words that PostgreSQL has for the same ones. */
    private static Map<String, String> translated(Connection c) throws SQLException {
        Map<String, String> all = new TreeMap<>();
        for (String table : tables(c)) {
            all.put("table " + table, "");
            TreeMap<Integer, String> primary = new TreeMap<>();
            try (Statement s = c.createStatement();
                    ResultSet r = s.executeQuery("PRAGMA table_info(" + table + ")")) {
                while (r.next()) {
                    String column = r.getString("name");
                    all.put(
                            "column " + table + "." + column,
                            r.getString("type").toLowerCase(java.util.Locale.ROOT)
                                    + (r.getInt("notnull") != 0 ? " not null" : ""));
                    if (r.getInt("pk") > 0) {
                        primary.put(r.getInt("pk"), column);
                    }
                }
            }
            String key = String.join(", ", primary.values());
            all.put("constraint on " + table + ": PRIMARY KEY (" + key + ")", "");
            try (Statement s = c.createStatement();
                    ResultSet r = s.executeQuery("PRAGMA index_list(" + table + ")")) {
                while (r.next()) {
                    String name = r.getString("name");
                    String columns = columns(c, name);
                    switch (r.getString("origin")) {
                        case "u" ->
                                all.put(
                                        "constraint on " + table + ": UNIQUE (" + columns + ")",
                                        "");
                        case "c" ->
                                all.put(
                                        "index " + name + " on " + table,
                                        "CREATE INDEX %s ON %s USING btree (%s)"
                                                .formatted(name, table, columns));
                        default -> {} // the primary key's, told above
                    }
                }
            }
        }
        return all;
    }

    private static String columns(Connection c, String index) throws SQLException {
        List<String> columns = new ArrayList<>();
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery("PRAGMA index_info(" + index + ")")) {
            while (r.next()) {
                columns.add(r.getString("name"));
            }
        }
        return String.join(", ", columns);
    }

    private static List<String> tables(Connection c) throws SQLException {
        List<String> tables = new ArrayList<>();
        try (Statement s = c.createStatement();
                ResultSet r =
                        s.executeQuery("SELECT name FROM sqlite_master WHERE type = 'table'")) {
            while (r.next()) {
                tables.add(r.getString(1));
            }
        }
        return tables;
    }

    /**
     * Takes out triggers, rules and views, and makes all tables of the ledger anew, empty. The
     * connection is in a transaction. Tables that are not the ledger's stay: they may be
     * somebody's.
     */
    static void remake(Connection c, boolean postgres) throws SQLException {
        try (Statement s = c.createStatement()) {
            for (String drop : drops(c, postgres)) {
                s.execute(drop);
            }
            for (String sql : statements()) {
                s.execute(sql);
            }
        }
    }

    private static List<String> own() {
        return Expected.SQLITE.keySet().stream()
                .filter(k -> k.startsWith("table "))
                .map(k -> k.substring("table ".length()))
                .toList();
    }

    private static List<String> drops(Connection c, boolean postgres) throws SQLException {
        List<String> own = own();
        String sql =
                postgres
                        ? """
                        SELECT t.tgname, 'trigger', c.relname, 0 AS turn FROM pg_trigger t
                        JOIN pg_class c ON c.oid = t.tgrelid
                        WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
                        UNION ALL
                        SELECT relname, CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END, relname,
                            CASE relkind WHEN 'v' THEN 1 ELSE 2 END
                        FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                        AND relkind IN ('r', 'v', 'p') ORDER BY 4
                        """
                        : """
                        SELECT name, type, tbl_name, CASE type WHEN 'trigger' THEN 0
                            WHEN 'view' THEN 1 ELSE 2 END AS turn FROM sqlite_master
                        WHERE type IN ('trigger', 'view', 'table') ORDER BY turn
                        """;
        List<String> drops = new ArrayList<>();
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery(sql)) {
            while (r.next()) {
                String name = "\"" + r.getString(1).replace("\"", "\"\"") + "\"";
                String on = "\"" + r.getString(3).replace("\"", "\"\"") + "\"";
                String cascade = postgres ? " CASCADE" : "";
                switch (r.getString(2)) {
                    case "trigger" ->
                            drops.add("DROP TRIGGER " + name + (postgres ? " ON " + on : ""));
                    case "view" -> drops.add("DROP VIEW IF EXISTS " + name + cascade);
                    default -> {
                        if (own.contains(r.getString(1))) {
                            drops.add("DROP TABLE IF EXISTS " + name + cascade);
                        }
                    }
                }
            }
        }
        return drops;
    }
}
