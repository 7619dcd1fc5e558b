package org.diffusionsoup.registry.ledger;

import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where {@link Projection} puts what it derives: a ledger's database, or memory. */
interface DerivedRows {
    /**
     * Adds rows.
     *
     * @param rows values of the first columns, in their order; further columns stay empty
     */
    void insert(DerivedTable table, List<@Nullable Object[]> rows) throws SQLException;

    /** Says of a row that an entry withdrew it, unless an earlier one did. */
    void withdraw(DerivedTable table, long id, long entry) throws SQLException;

    /** Says of a soup that another took its place. */
    void supersede(long soup, long entry) throws SQLException;

    /** Says of pictures of a shard that an entry withdrew them. */
    void withdrawSamples(long shard, Collection<String> sha256, long entry) throws SQLException;

    /** Says of hashes of weights that an entry withdrew them, whether they are there yet or not. */
    void withdrawWeights(long owner, Collection<String> sha256, long entry) throws SQLException;

    /** The same of all that are there, but for those that a base recorded so far has. */
    void withdrawWeights(long owner, long entry) throws SQLException;
}
