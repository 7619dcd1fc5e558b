package org.diffusionsoup.registry.ledger;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.FileStamp;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jspecify.annotations.Nullable;

/** Connections to SQLite or PostgreSQL, and the migrations that both share. */
final class Database {
    private static final String SQLITE = "jdbc:sqlite:";
    private static final String POSTGRESQL = "jdbc:postgresql:";

    /** PostgreSQL's code for what a role has no right to. */
    private static final String MAY_NOT = "42501";

    private static final String MIGRATIONS = "classpath:org/diffusionsoup/registry/migration";

    /** Held on to: the platform forgets the level of a logger that nobody refers to. */
    private static final Logger FLYWAY = Logger.getLogger("org.flywaydb");

    /** Its errors come as exceptions too, and with them nobody needs its stack traces. */
    private static final Logger SQLITE_LOG = Logger.getLogger("org.sqlite");

    private static final int BUSY_MILLIS = 120_000;
    private static final int COPIES = 5;

    /** SQLITE_OPEN_READWRITE, without SQLITE_OPEN_CREATE: a lost ledger is not replaced. */
    private static final String EXISTING = "2";

    private final String url;

    /** Where the file is read instead, if it lies where SQLite cannot open it. */
    private @Nullable Path copied;

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

    private Path file() {
        return Path.of(url.substring(SQLITE.length()));
    }

    /** A connection that may write. */
    Connection connect() throws SQLException {
        if (isPostgres()) {
            return KeptConnections.open(url);
        }
        checkFile();
        Properties p = new Properties();
        p.setProperty("journal_mode", "WAL");
        p.setProperty("synchronous", "FULL");
        p.setProperty("transaction_mode", "IMMEDIATE");
        return sqlite(file(), p);
    }

    /**
     * Refuses a ledger whose indexes do not have all rows: what they leave out would not be found,
     * be it withdrawn or not.
     */
    void checkIndexes(Connection c) throws SQLException {
        if (isPostgres()) {
            return; // its catalogue cannot say something else than its indexes do
        }
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery("PRAGMA integrity_check(1)")) {
            String found = r.next() ? String.valueOf(r.getString(1)) : "no answer";
            if (!found.equals("ok")) {
                throw new RegistryException(
                        "The ledger's database is damaged or was altered ("
                                + found
                                + "); what is read from it could be wrong. 'soup fsck `repair`' makes"
                                + " the tables anew from the signed entries.");
            }
        }
    }

    /**
     * A connection that reads. What lies where nothing can be written is read from a copy, since
     * SQLite needs files beside a ledger also to read it.
     */
    synchronized Connection connectToRead() throws SQLException {
        if (isPostgres()) {
            return KeptConnections.open(url);
        }
        if (copied != null) {
            return sqlite(copied, new Properties());
        }
        checkFile();
        boolean usable = false;
        Connection c = sqlite(file(), new Properties());
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SELECT count(*) FROM sqlite_master")) {
            usable = r.next();
            return c;
        } catch (SQLException e) {
            int code = e.getErrorCode() & 0xff;
            if (code != 8 && code != 10 && code != 14) { // READONLY, IOERR, CANTOPEN
                throw e;
            }
            copied = copy(file());
            return sqlite(copied, new Properties());
        } finally {
            if (!usable) {
                c.close();
            }
        }
    }

    /** A connection to fill the tables anew: in the copy, where there is one. */
    Connection connectToDerive() throws SQLException {
        Path copy = copied;
        return copy == null ? connect() : sqlite(copy, new Properties());
    }

    private static Connection sqlite(Path file, Properties p) throws SQLException {
        p.setProperty("open_mode", EXISTING);
        p.setProperty("busy_timeout", String.valueOf(BUSY_MILLIS));
        // No trigger of whoever can write to the file runs: a statement that would fire one fails.
        p.setProperty("limit_trigger_depth", "0");
        SQLITE_LOG.setLevel(Level.OFF);
        try {
            Connection c = DriverManager.getConnection(SQLITE + file, p);
            boolean done = false;
            try (Statement s = c.createStatement()) {
                s.execute("PRAGMA trusted_schema = OFF");
                done = true;
                return c;
            } finally {
                if (!done) {
                    c.close();
                }
            }
        } catch (LinkageError e) {
            throw noLibrary(e);
        } catch (SQLException e) {
            // The first failure to unpack the library comes wrapped; what it wraps is no answer of
            // a database.
            Throwable cause = e.getCause();
            if (cause == null || cause instanceof SQLException) {
                throw e;
            }
            throw noLibrary(e);
        }
    }

    private void checkFile() {
        if (!Files.exists(file())) {
            throw new RegistryException(
                    "The ledger "
                            + file()
                            + " is gone, and without it nobody knows what the weights are: restore it"
                            + " from a backup. Nothing was changed.");
        }
        if (!Files.isRegularFile(file())) {
            throw new RegistryException(
                    "The ledger " + file() + " is no file; restore it from a backup.");
        }
    }

    /** The file with its write-ahead log, at a moment when nobody wrote. */
    private static Path copy(Path file) {
        Path log = file.resolveSibling(file.getFileName() + "-wal");
        try {
            Path folder = Files.createTempDirectory("soup-ledger-");
            Path to = folder.resolve("ledger.db");
            Path logTo = folder.resolve("ledger.db-wal");
            folder.toFile().deleteOnExit(); // after what is in it: in the order opposite to this
            for (String name : new String[] {"ledger.db", "ledger.db-wal", "ledger.db-shm"}) {
                folder.resolve(name).toFile().deleteOnExit();
            }
            for (int i = 0; i < COPIES; i++) {
                String before = state(file) + state(log);
                Files.deleteIfExists(to);
                Files.deleteIfExists(logTo);
                Files.write(to, Files.readAllBytes(file));
                if (Files.exists(log)) {
                    Files.write(logTo, Files.readAllBytes(log));
                }
                if (before.equals(state(file) + state(log))) {
                    return to;
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("copy, to read it,", file, e);
        }
        throw new RegistryException(
                "The ledger " + file + " kept changing while it was read; try again.");
    }

    private static String state(Path file) throws IOException {
        if (!Files.exists(file)) {
            return "none ";
        }
        return FileStamp.of(file).line() + " ";
    }

    private static RegistryException noLibrary(Throwable e) {
        String folder =
                System.getProperty("org.sqlite.tmpdir", System.getProperty("java.io.tmpdir"));
        return new RegistryException(
                "SQLite's native library cannot be unpacked into %s; make room there, or name another folder with JAVA_TOOL_OPTIONS=-Dorg.sqlite.tmpdir=DIR."
                        .formatted(folder),
                e);
    }

    /**
     * Starts a transaction in which nobody else appends, and which sees one state of all tables:
     * what is compared with the entries is what is asked afterwards.
     */
    void lock(Connection c) throws SQLException {
        if (isPostgres()) {
            // Its state is that of the first query, which comes after the lock.
            c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        }
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

    /** After a failure, which is the one to tell. */
    static void rollback(Connection c) {
        try {
            c.rollback();
        } catch (SQLException e) {
            // The first failure is the one to tell; a lost connection rolls back by itself.
        }
    }

    /** Refuses a database whose tables somebody has altered, or added something to. */
    void checkSchema(Connection c) throws SQLException {
        var found = Schema.differences(c, isPostgres());
        if (!found.isEmpty()) {
            throw new RegistryException(
                    "The ledger's database "
                            + found.getFirst()
                            + (found.size() > 1 ? " (and " + (found.size() - 1) + " more)" : "")
                            + "; what is read from it could be wrong. 'soup fsck' lists it all"
                            + (found.stream().allMatch(Schema::isLeft)
                                    ? "."
                                    : ", and 'soup fsck `repair`' makes the tables anew from the"
                                            + " signed entries."));
        }
    }

    /** Makes the tables, as far as they are not there yet. */
    void create() {
        migrate(url);
    }

    /** Whether there are no tables of a ledger at all. */
    boolean isMissing() {
        if (!isPostgres() && !Files.exists(file())) {
            return true;
        }
        try (Connection c = connectToRead()) {
            return version(c).isEmpty();
        } catch (SQLException e) {
            throw failed(e);
        }
    }

    /** Whether something is recorded, in tables of whatever version. */
    boolean hasEntries() {
        if (!isPostgres() && !Files.exists(file())) {
            return false;
        }
        try (Connection c = connectToRead();
                Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SELECT 1 FROM entry LIMIT 1")) {
            return r.next();
        } catch (SQLException e) {
            if (isUnknownTable(e)) {
                return false;
            }
            throw failed(e);
        }
    }

    /**
     * Sees to it that there are tables of this version.
     *
     * @param write whether it is to be written to; otherwise older tables are brought to this
     *     version in a copy where the ledger itself cannot be written
     * @throws RegistryException if there is no ledger
     */
    void checkVersion(boolean write) {
        String version;
        try (Connection c = connectToRead()) {
            version = version(c).orElse("");
        } catch (SQLException e) {
            throw failed(e);
        }
        if (version.isEmpty()) {
            throw new RegistryException(
                    "There is no ledger in "
                            + url
                            + ": it was lost or emptied. Restore it from a backup; only 'soup init'"
                            + " makes a new one, for a new registry. Nothing was changed.");
        }
        int made = Integer.parseInt(version);
        if (made > Schema.MIGRATIONS.size()) {
            throw new RegistryException(
                    "The ledger in "
                            + url
                            + " was made by a newer version of this program (tables "
                            + version
                            + "); use that.");
        }
        if (made < Schema.MIGRATIONS.size()) {
            if (!write && !isPostgres() && !isWritable()) {
                copied = copy(file());
                migrate(SQLITE + copied);
            } else {
                bring(made);
            }
        }
    }

    /** Brings tables to this version, which on a server not every role may do. */
    private void bring(int made) {
        try {
            migrate(url);
        } catch (RegistryException e) {
            if (!(e.getCause() instanceof SQLException s && MAY_NOT.equals(s.getSQLState()))) {
                throw e;
            }
            throw new RegistryException(
                    "The ledger in "
                            + url.replaceAll("\\?.*", "")
                            + " has tables of an earlier version ("
                            + made
                            + "), and this role cannot bring them to "
                            + Schema.MIGRATIONS.size()
                            + ". Run 'soup log' once as the role that owns them, and let this one"
                            + " read what that makes; nothing was changed. ("
                            + e.getMessage()
                            + ")",
                    e);
        }
    }

    private boolean isWritable() {
        Path folder = file().toAbsolutePath().getParent();
        return Files.isWritable(file()) && folder != null && Files.isWritable(folder);
    }

    /** Whether a copy is read, so that nothing that is written would stay. */
    boolean isCopied() {
        return copied != null;
    }

    private static Optional<String> version(Connection c) throws SQLException {
        try (Statement s = c.createStatement();
                ResultSet r =
                        s.executeQuery(
                                "SELECT version FROM flyway_schema_history WHERE success"
                                        + " ORDER BY installed_rank DESC LIMIT 1")) {
            return r.next() ? Optional.ofNullable(r.getString(1)) : Optional.empty();
        } catch (SQLException e) {
            if (isUnknownTable(e)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** PostgreSQL has a code for it; SQLite has none of its own. */
    private static boolean isUnknownTable(SQLException e) {
        return "42P01".equals(e.getSQLState())
                || String.valueOf(e.getMessage()).contains("no such table");
    }

    private void migrate(String where) {
        FLYWAY.setLevel(Level.OFF);
        try {
            Flyway.configure(Database.class.getClassLoader())
                    .dataSource(where, null, null)
                    .locations(MIGRATIONS)
                    .load()
                    .migrate();
        } catch (LinkageError e) {
            throw noLibrary(e);
        } catch (FlywayException e) {
            for (Throwable t = e; t != null; t = t.getCause()) {
                if (t instanceof SQLException s && reason(s).isPresent()) {
                    throw failed(s);
                }
            }
            throw new RegistryException(
                    "Cannot set up the ledger's tables at " + url + ": " + firstLine(e), e);
        }
    }

    /** Says which ledger failed, and why. */
    RegistryException failed(SQLException e) {
        return failed(e, isPostgres() ? url : file().toString());
    }

    /** The same for whoever has only a connection. */
    static RegistryException failed(SQLException e, Connection c) {
        String where;
        try {
            where = c.getMetaData().getURL();
        } catch (SQLException gone) {
            where = "its database";
        }
        return failed(e, where.startsWith(SQLITE) ? where.substring(SQLITE.length()) : where);
    }

    private static RegistryException failed(SQLException e, String where) {
        return new RegistryException(
                "The ledger in "
                        + where.replaceAll("\\?.*", "")
                        + " failed: "
                        + reason(e).orElseGet(() -> firstLine(e)),
                e);
    }

    /** What to do about the failures that are nobody's fault. */
    private static Optional<String> reason(SQLException e) {
        if (e.getClass().getName().startsWith("org.sqlite.")) {
            return Optional.ofNullable(
                    switch (e.getErrorCode() & 0xff) {
                        case 13 -> "the disk is full. Make room, then try again.";
                        case 8 ->
                                "it is read-only. Make file and folder writable, or use the commands"
                                        + " that only read.";
                        case 14 ->
                                "it cannot be opened. See who may read and write the file and its"
                                        + " folder.";
                        case 10 ->
                                "the disk did not take or give the bytes ("
                                        + firstLine(e)
                                        + ") It may be full or damaged.";
                        case 11, 26 -> "the file is damaged. Restore it from a backup.";
                        case 5, 6 -> "another process keeps it. Try again when that has ended.";
                        default -> null;
                    });
        }
        return Optional.ofNullable(
                switch (String.valueOf(e.getSQLState())) {
                    case "53100" -> "the server's disk is full. Make room, then try again.";
                    case "25006" -> "the server is read-only.";
                    case MAY_NOT -> "its role may not do that (" + firstLine(e) + ")";
                    default -> null;
                });
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
