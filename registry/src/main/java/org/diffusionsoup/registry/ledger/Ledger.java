package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Clock;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * The ledger in its database. Safe for use by several threads and processes: appending is one at a
 * time, and an entry with everything derived from it is there whole or not at all.
 */
public final class Ledger {
    private final Database database;
    private final Optional<SigningKey> key;
    private final Clock clock;
    private final Optional<LocalDate> today;
    private Consumer<Entry> onHead = e -> {};

    private Ledger(
            Database database, Optional<SigningKey> key, Clock clock, Optional<LocalDate> today) {
        this.database = database;
        this.key = key;
        this.clock = clock;
        this.today = today;
    }

    /**
     * Makes an empty ledger, or finishes one of the same registry whose making was stopped.
     *
     * @param url {@code jdbc:sqlite:FILE} or {@code jdbc:postgresql://HOST/DATABASE}
     * @param owner key of the registry that it is made for
     * @throws RegistryException if there is one with entries or of another registry, or the
     *     database cannot be reached
     */
    public static void create(String url, PublicKeyFile owner) {
        new LedgerMark(url).create(owner);
    }

    /** Whether there is no ledger: no file, or no table of one. */
    public static boolean isMissing(String url) {
        return Database.at(url).isMissing();
    }

    /** Whether there is a ledger in which something is recorded. */
    public static boolean hasEntries(String url) {
        return Database.at(url).hasEntries();
    }

    /**
     * Opens a ledger, migrating its tables.
     *
     * @param url as for {@link #create}
     * @param key signs what is appended
     * @param today the date that a person says it is, for a clock that is not believed otherwise
     * @throws RegistryException if there is none, or the database cannot be reached
     */
    public static Ledger open(String url, SigningKey key, Clock clock, Optional<LocalDate> today) {
        Database database = Database.at(url);
        database.checkVersion(true);
        Ledger ledger = upToDate(new Ledger(database, Optional.of(key), clock, today));
        if (ledger.isUnmarked()) {
            new LedgerMark(url)
                    .claim(key.shown()); // an earlier version made it, and nothing is signed yet
        }
        return ledger;
    }

    private boolean isUnmarked() {
        try {
            return read(q -> q.last().isEmpty() && q.madeFor().isEmpty());
        } catch (RegistryException e) {
            return false; // altered: whatever is done next is refused, and fsck says why
        }
    }

    /** Opens a ledger to read it: no key is needed, and nothing need be writable. */
    public static Ledger openToRead(String url, Clock clock) {
        Database database = Database.at(url);
        database.checkVersion(false);
        return upToDate(new Ledger(database, Optional.empty(), clock, Optional.empty()));
    }

    /** Derives the tables again where a migration has added to them. */
    private static Ledger upToDate(Ledger ledger) {
        boolean behind;
        try {
            behind = ledger.read(Queries::isBehind);
        } catch (RegistryException e) {
            return ledger; // altered: whatever is done next is refused, and fsck says why
        }
        if (behind) {
            ledger.derive();
        }
        return ledger;
    }

    /** Tells of the newest entry whenever some were appended. */
    public void onHead(Consumer<Entry> listener) {
        onHead = listener;
    }

    /** A transaction that appends; no other runs beside it. */
    public final class Transaction extends Queries {
        private final LedgerRules rules;
        private @Nullable Entry newest;

        private Transaction(Connection c, LedgerRules rules) {
            super(c);
            this.rules = rules;
        }

        /**
         * Appends an entry and fills the tables from it.
         *
         * @throws RegistryException if the newest entry is not signed by this registry's key, the
         *     clock is not to be believed, or the entry speaks of what was withdrawn
         */
        public Entry append(Kind kind, JsonObject body) {
            SigningKey signer =
                    key.orElseThrow(
                            () -> new RegistryException("The ledger was opened for reading only."));
            Optional<Entry> last = newest == null ? last() : Optional.of(newest);
            if (newest == null && last.isPresent() && !last.get().isSignedBy(signer.shown())) {
                throw new RegistryException(
                        "The ledger's newest entry ("
                                + last.get().seq()
                                + ") is not signed by the key "
                                + signer.shown().id()
                                + " in registry.pub: the key files were swapped, or the entry was"
                                + " altered. Put the registry's own key back; 'soup fsck' says more."
                                + " Nothing was recorded.");
            }
            Dates.Dated dated = Dates.next(last, clock.instant(), today);
            JsonObject whole =
                    dated.behind().isEmpty()
                            ? body
                            : Json.object(body).put(Dates.MARK, dated.behind().get()).build();
            Entry e =
                    Entry.sign(
                            last.map(Entry::seq).orElse(0L) + 1,
                            last.map(Entry::hash).orElse(Entry.START),
                            dated.time(),
                            kind,
                            whole,
                            signer);
            checkRules(e);
            try {
                insert(connection(), e, Json.canonical(whole));
                Projection.apply(new RowsInDatabase(connection()), e);
            } catch (SQLException x) {
                throw Database.failed(x, connection());
            }
            newest = e;
            forget();
            return e;
        }

        private void checkRules(Entry e) {
            List<String> wrong = rules.accept(e);
            if (!wrong.isEmpty()) {
                throw new RegistryException(
                        "This "
                                + e.kind().word()
                                + " "
                                + wrong.getFirst()
                                + ": the ledger's tables do not say what its entries say. Nothing was"
                                + " recorded; run 'soup fsck `repair`' and try again.");
            }
        }
    }

    private static void insert(Connection c, Entry e, String body) throws SQLException {
        String sql =
                "INSERT INTO entry (seq, prev, time, kind, body, hash, signature)"
                        + " VALUES (?, ?, ?, ?, ?, ?, ?)";
        try (PreparedStatement s = c.prepareStatement(sql)) {
            s.setLong(1, e.seq());
            s.setString(2, e.prev());
            s.setString(3, e.time());
            s.setString(4, e.kind().word());
            s.setString(5, body);
            s.setString(6, e.hash());
            s.setString(7, e.signature());
            s.executeUpdate();
        }
    }

    /**
     * Runs work that may append, as one transaction: whatever it throws, nothing of it stays.
     *
     * @throws RegistryException if the database fails, or its tables do not say what its entries
     *     say
     */
    public <T> T write(Function<Transaction, T> work) {
        if (key.isEmpty()) {
            throw new RegistryException("The ledger was opened for reading only.");
        }
        Optional<Entry> head;
        T result;
        try (Connection c = database.connect()) {
            database.lock(c);
            boolean done = false;
            try {
                database.checkSchema(c);
                database.checkIndexes(c);
                Transaction t =
                        new Transaction(c, LedgerReplay.of(c, "Nothing was recorded").rules());
                result = work.apply(t);
                head = Optional.ofNullable(t.newest);
                c.commit();
                done = true;
            } finally {
                if (!done) {
                    Database.rollback(c);
                }
            }
        } catch (SQLException e) {
            throw database.failed(e);
        }
        head.ifPresent(onHead);
        return result;
    }

    /**
     * Refuses a clock by which nothing would be recorded now: what it says of days cannot be used.
     *
     * @throws RegistryException if it is far from the newest entry's date, and nobody confirms it
     */
    public void checkClock() {
        read(q -> Dates.next(q.last(), clock.instant(), today));
    }

    /** Reads one state of the ledger, undisturbed by writers. */
    public <T> T read(Function<Queries, T> work) {
        return read(work, false);
    }

    /**
     * The same for what is going to be signed: the tables are compared with the entries first.
     *
     * @throws RegistryException if they do not say what the entries say
     */
    public <T> T readToSign(Function<Queries, T> work) {
        return read(work, true);
    }

    private <T> T read(Function<Queries, T> work, boolean toSign) {
        try (Connection c = database.connectToRead()) {
            database.snapshot(c);
            try {
                database.checkSchema(c);
                if (toSign) {
                    database.checkIndexes(c);
                    LedgerReplay.of(c, "Nothing was signed");
                }
                return work.apply(new Queries(c));
            } finally {
                database.endSnapshot(c);
            }
        } catch (SQLException e) {
            throw database.failed(e);
        }
    }

    /**
     * Throws away the derived tables and fills them from the entries again; where somebody altered
     * the tables themselves, they are made anew, and the entries put back as they are.
     */
    public void rebuild() {
        if (database.isCopied()) {
            throw new RegistryException(
                    "The ledger cannot be written where it is; make file and folder writable.");
        }
        derive();
    }

    private void derive() {
        try (Connection c = database.connectToDerive()) {
            database.lock(c);
            boolean done = false;
            try {
                RowsInDatabase rows = new RowsInDatabase(c);
                List<Entry> entries = new ArrayList<>(new Queries(c).entries());
                List<String> differences = Schema.differences(c, database.isPostgres());
                if (!differences.isEmpty()) {
                    boolean marked = differences.stream().noneMatch(Schema::isOfMark);
                    Optional<String> owner = marked ? new Queries(c).madeFor() : Optional.empty();
                    Schema.remake(c, database.isPostgres());
                    if (owner.isPresent()) {
                        LedgerMark.write(c, owner.get());
                    }
                    for (Entry e : entries) {
                        insert(c, e, Json.canonical(e.body()));
                    }
                } else {
                    rows.clear();
                }
                for (Entry e : entries) {
                    Projection.apply(rows, e);
                }
                c.commit();
                done = true;
            } finally {
                if (!done) {
                    Database.rollback(c);
                }
            }
            if (!database.isPostgres()) {
                c.setAutoCommit(true);
                try (var s = c.createStatement()) {
                    s.execute("REINDEX");
                }
            }
        } catch (SQLException e) {
            throw database.failed(e);
        }
    }

    /**
     * Checks what the database is made of, chain, hashes and signatures of all entries, that none
     * speaks of what was withdrawn before, and that every derived row is what the entries say.
     */
    public LedgerFindings check(PublicKeyFile by) {
        try (Connection c = database.connectToRead()) {
            database.snapshot(c);
            try {
                return new LedgerCheck(c, database.isPostgres(), by, clock.instant()).run();
            } finally {
                database.endSnapshot(c);
            }
        } catch (SQLException e) {
            throw database.failed(e);
        }
    }
}
