package org.diffusionsoup.registry.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Optional;

/**
 * Whose an empty ledger is: two registries on one database would each take the other's entries for
 * forged ones. Once there are entries, their signatures say it.
 */
final class LedgerMark {
    private final String url;
    private final Database database;

    LedgerMark(String url) {
        this.url = url;
        this.database = Database.at(url);
    }

    /** See {@link Ledger#create}. */
    void create(PublicKeyFile owner) {
        if (database.hasEntries()) {
            throw ofAnother(); // before its tables are brought to this version
        }
        database.create();
        claim(owner);
    }

    /**
     * Marks an empty ledger as a registry's; one that is its own already stays as it is.
     *
     * @throws RegistryException if it has entries, or is another registry's
     */
    void claim(PublicKeyFile owner) {
        try (Connection c = database.connect()) {
            database.lock(c);
            boolean done = false;
            try {
                database.checkSchema(c);
                Queries q = new Queries(c);
                Optional<String> is = q.madeFor();
                if (q.last().isPresent() || is.filter(k -> !k.equals(owner.id())).isPresent()) {
                    throw ofAnother();
                }
                if (is.isEmpty()) {
                    write(c, owner.id());
                }
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
    }

    /** Writes the mark into a table that has none. */
    static void write(Connection c, String owner) throws SQLException {
        try (PreparedStatement s = c.prepareStatement("INSERT INTO registry VALUES (?)")) {
            s.setString(1, owner);
            s.executeUpdate();
        }
    }

    private RegistryException ofAnother() {
        return new RegistryException(
                "The database "
                        + url
                        + " holds the ledger of another registry; give each its own.");
    }
}
