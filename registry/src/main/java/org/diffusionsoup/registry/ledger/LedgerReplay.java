package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * All that a ledger's entries say, read again before something is signed.
 *
 * <p>What is signed is found with queries, and whoever can write to the database can alter the
 * tables that these ask, and put them right again afterwards. So every transaction that signs first
 * compares all of them with the entries, whose hashes hang together and end in the newest one's
 * signature (docs/adr/0010-tables-before-signing.md). To check what an entry states by rules of its
 * own would be quicker, but there would have to be a rule for everything that is ever stated;
 * {@link LedgerRules} has the most important ones, for ledgers that were written before this was
 * done.
 */
final class LedgerReplay {
    private final LedgerRules rules = new LedgerRules();

    private LedgerReplay() {}

    /**
     * Reads the entries and compares the tables with them.
     *
     * @param nothing what has not happened if they differ, such as {@code Nothing was recorded}
     * @throws RegistryException if an entry is not what was signed, or a table not what the entries
     *     say
     */
    static LedgerReplay of(Connection c, String nothing) throws SQLException {
        LedgerReplay replay = new LedgerReplay();
        RowsInMemory derived = new RowsInMemory();
        String prev = Entry.START;
        long expected = 1;
        try (Statement s = c.createStatement();
                ResultSet r = s.executeQuery("SELECT * FROM entry ORDER BY seq")) {
            while (r.next()) {
                Entry e = Entry.of(r);
                if (e.seq() != expected || !e.prev().equals(prev) || !e.fits(r.getString("body"))) {
                    throw new RegistryException(
                            "The ledger's entry %d is not what was signed there. %s; 'soup fsck' says more, and the ledger has to be restored from a backup."
                                    .formatted(expected, nothing));
                }
                Projection.apply(derived, e);
                replay.rules.accept(e);
                prev = e.hash();
                expected++;
            }
        }
        List<String> found = derived.differences(c);
        if (!found.isEmpty()) {
            throw new RegistryException(
                    "The ledger's tables do not say what its entries say (%s%s). %s; run 'soup fsck `repair`' and try again."
                            .formatted(
                                    found.getFirst(),
                                    found.size() > 1 ? ", and " + (found.size() - 1) + " more" : "",
                                    nothing));
        }
        return replay;
    }

    /** What entries may not say, with all of these known. */
    LedgerRules rules() {
        return rules;
    }
}
