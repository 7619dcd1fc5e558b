package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.Function;
import org.diffusionsoup.core.JsonValue.JsonObject;

/**
 * The ledger in its database. Safe for use by several threads and processes: appending is one at a
 * time, and an entry with everything derived from it is there whole or not at all.
 */
public final class Ledger {
    private final Database database;
    private final SigningKey key;
    private final Clock clock;

    private Ledger(Database database, SigningKey key, Clock clock) {
        this.database = database;
        this.key = key;
        this.clock = clock;
    }

    /**
     * Opens a ledger, making or migrating its tables.
     *
     * @param url {@code jdbc:sqlite:FILE} or {@code jdbc:postgresql://HOST/DATABASE}
     * @param key signs what is appended
     * @throws RegistryException if the database cannot be reached
     */
    public static Ledger open(String url, SigningKey key, Clock clock) {
        Database database = Database.at(url);
        database.migrate();
        Ledger ledger = new Ledger(database, key, clock);
        if (ledger.read(Queries::isBehind)) {
            ledger.rebuild();
        }
        return ledger;
    }

    /** A transaction that appends; no other runs beside it. */
    public final class Transaction extends Queries {
        private Transaction(Connection c) {
            super(c);
        }

        /** Appends an entry and fills the tables from it. */
        public Entry append(Kind kind, JsonObject body) {
            Entry last = last().orElse(null);
            // A clock that was set back must not make the ledger run backwards.
            String now = clock.instant().truncatedTo(ChronoUnit.MILLIS).toString();
            String time =
                    last == null || Instant.parse(last.time()).isBefore(Instant.parse(now))
                            ? now
                            : last.time();
            Entry e =
                    Entry.sign(
                            last == null ? 1 : last.seq() + 1,
                            last == null ? Entry.START : last.hash(),
                            time,
                            kind,
                            body,
                            key);
            String sql =
                    "INSERT INTO entry (seq, prev, time, kind, body, hash, signature)"
                            + " VALUES (?, ?, ?, ?, ?, ?, ?)";
            try (PreparedStatement s = connection().prepareStatement(sql)) {
                s.setLong(1, e.seq());
                s.setString(2, e.prev());
                s.setString(3, e.time());
                s.setString(4, kind.word());
                s.setString(5, Json.canonical(body));
                s.setString(6, e.hash());
                s.setString(7, e.signature());
                s.executeUpdate();
                Projection.apply(connection(), e);
            } catch (SQLException x) {
                throw failed(x);
            }
            return e;
        }
    }

    /**
     * Runs work that may append, as one transaction: whatever it throws, nothing of it stays.
     *
     * @throws RegistryException if the database fails
     */
    public <T> T write(Function<Transaction, T> work) {
        try (Connection c = database.connect()) {
            database.lock(c);
            boolean done = false;
            try {
                T result = work.apply(new Transaction(c));
                c.commit();
                done = true;
                return result;
            } finally {
                if (!done) {
                    rollback(c);
                }
            }
        } catch (SQLException e) {
            throw failed(e);
        }
    }

    private static void rollback(Connection c) {
        try {
            c.rollback();
        } catch (SQLException e) {
            // The first failure is the one to tell; a lost connection rolls back by itself.
        }
    }

    /** Reads one state of the ledger, undisturbed by writers. */
    public <T> T read(Function<Queries, T> work) {
        try (Connection c = database.connect()) {
            database.snapshot(c);
            try {
                return work.apply(new Queries(c));
            } finally {
                database.endSnapshot(c);
            }
        } catch (SQLException e) {
            throw failed(e);
        }
    }

    /** Throws away the derived tables and fills them from the entries again. */
    public void rebuild() {
        write(t -> {
            try {
                Projection.clear(t.connection());
                for (Entry e : t.entries()) {
                    Projection.apply(t.connection(), e);
                }
            } catch (SQLException e) {
                throw failed(e);
            }
            return true;
        });
    }

    /**
     * Checks chain, hashes and signatures of all entries, and that every derived row is what the
     * entries say.
     *
     * @return what is wrong, each naming the entry or row; empty if nothing is
     */
    public List<String> check(PublicKeyFile by) {
        try (Connection c = database.connect()) {
            // On a transaction that is never committed, so that the tables can be filled anew and
            // compared. Writers wait meanwhile.
            database.lock(c);
            try {
                return new LedgerCheck(c, by).run();
            } finally {
                rollback(c);
            }
        } catch (SQLException e) {
            throw failed(e);
        }
    }

    static RegistryException failed(SQLException e) {
        return new RegistryException("The ledger's database failed: " + Database.firstLine(e), e);
    }

    /** Reads an entry from a row of all its columns. */
    static Entry entry(ResultSet r) throws SQLException {
        long seq = r.getLong("seq");
        return new Entry(
                seq,
                r.getString("prev"),
                r.getString("time"),
                Kind.of(r.getString("kind")),
                Json.parse(r.getString("body"), "entry " + seq + " of the ledger"),
                r.getString("hash"),
                r.getString("signature"));
    }
}
