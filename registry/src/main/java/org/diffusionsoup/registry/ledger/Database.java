package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** Connections to SQLite or PostgreSQL, and the migrations that both share. */
final class Database {
    private static final String SQLITE = "jdbc:sqlite:";
    private static final String POSTGRESQL = "jdbc:postgresql:";
    private static final String MIGRATIONS = "classpath:org/diffusionsoup/registry/migration";

    /** Number of the newest file among the migrations. */
    private static final String SCHEMA = "2";

    /** Held on to: the platform forgets the level of a logger that nobody refers to. */
    private static final Logger FLYWAY = Logger.getLogger("org.flywaydb");

    /** Its errors come as exceptions too, and with them nobody needs its stack traces. */
    private static final Logger SQLITE_LOG = Logger.getLogger("org.sqlite");

    private static final int BUSY_MILLIS = 120_000;

    private final String url;

    private Database(String url) {
        this.url = url;
    }

    static Database at(String url) {
        if (!url.startsWith(SQLITE) && !url.startsWith(POSTGRESQL)) {
            throw new RegistryException(
                    "The ledger's URL must start with "
                            + SQLITE
                            + " or "
                            + POSTGRESQL
                            + ", but is "
                            + url
                            + ".");
        }
        return new Database(url);
    }

    boolean isPostgres() {
        return url.startsWith(POSTGRESQL);
    }

    Connection connect() throws SQLException {
        Properties p = new Properties();
        if (!isPostgres()) {
            p.setProperty("journal_mode", "WAL");
            p.setProperty("synchronous", "FULL");
            p.setProperty("busy_timeout", String.valueOf(BUSY_MILLIS));
            p.setProperty("transaction_mode", "IMMEDIATE");
        }
        SQLITE_LOG.setLevel(Level.OFF);
        try {
            return DriverManager.getConnection(url, p);
        } catch (LinkageError e) {
            throw noLibrary(e);
        }
    }

    private static RegistryException noLibrary(LinkageError e) {
        String folder =
                System.getProperty("org.sqlite.tmpdir", System.getProperty("java.io.tmpdir"));
        return new RegistryException(
                "SQLite's native library cannot be unpacked into %s; make room there, or name another folder with JAVA_TOOL_OPTIONS=-Dorg.sqlite.tmpdir=DIR."
                        .formatted(folder),
                e);
    }

    /** Starts a transaction in which nobody else appends. */
    void lock(Connection c) throws SQLException {
        c.setAutoCommit(false);
        if (isPostgres()) {
            try (Statement s = c.createStatement()) {
                s.execute("LOCK TABLE entry IN EXCLUSIVE MODE");
            }
        }
        // SQLite: transaction_mode IMMEDIATE takes the write lock with the first statement, and
        // sqlite-jdbc sends BEGIN IMMEDIATE before it.
    }

    /** Starts a transaction that sees one state. */
    void snapshot(Connection c) throws SQLException {
        if (isPostgres()) {
            c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            c.setReadOnly(true);
            c.setAutoCommit(false);
        } else {
            try (Statement s = c.createStatement()) {
                s.execute("BEGIN DEFERRED");
            }
        }
    }

    void endSnapshot(Connection c) throws SQLException {
        if (isPostgres()) {
            c.rollback();
        } else {
            try (Statement s = c.createStatement()) {
                s.execute("ROLLBACK");
            }
        }
    }

    /** Brings the tables to this version; quick where they are. */
    void migrate() {
        if (isCurrent()) {
            return;
        }
        FLYWAY.setLevel(Level.OFF);
        try {
            Flyway.configure(Database.class.getClassLoader())
                    .dataSource(url, null, null)
                    .locations(MIGRATIONS)
                    .load()
                    .migrate();
        } catch (LinkageError e) {
            throw noLibrary(e);
        } catch (FlywayException e) {
            throw new RegistryException(
                    "Cannot set up the ledger's tables at " + url + ": " + firstLine(e), e);
        }
    }

    private boolean isCurrent() {
        try (Connection c = connect();
                Statement s = c.createStatement();
                ResultSet r =
                        s.executeQuery(
                                "SELECT version FROM flyway_schema_history WHERE success"
                                        + " ORDER BY installed_rank DESC LIMIT 1")) {
            return r.next() && SCHEMA.equals(r.getString(1));
        } catch (SQLException e) {
            return false; // no tables yet, or no server: the migration will say
        }
    }

    static String firstLine(Exception e) {
        return String.valueOf(e.getMessage())
                        .lines()
                        .map(String::strip)
                        .filter(l -> !l.isEmpty() && !l.matches("-+"))
                        .findFirst()
                        .orElse("no reason given")
                + (String.valueOf(e.getMessage()).endsWith(".") ? "" : ".");
    }
}
