package org.diffusionsoup.registry.ledger;

import java.util.List;
import java.util.stream.Stream;

/**
 * What is wrong with a ledger, each a sentence that names entry, row or table.
 *
 * @param database what the database has beside or in place of the ledger's tables; {@link
 *     Ledger#rebuild} makes them anew
 * @param entries what is wrong with signed entries, which cannot be repaired, only restored
 * @param rows derived rows that are not what the entries say; {@link Ledger#rebuild} derives them
 *     again
 * @param notes what is worth knowing and not wrong
 */
public record LedgerFindings(
        List<String> database, List<String> entries, List<String> rows, List<String> notes) {
    public LedgerFindings {
        database = List.copyOf(database);
        entries = List.copyOf(entries);
        rows = List.copyOf(rows);
        notes = List.copyOf(notes);
    }

    /** All that is wrong. */
    public List<String> wrong() {
        return Stream.of(database, entries, rows).flatMap(List::stream).toList();
    }

    /** Whether {@link Ledger#rebuild} puts some of it right: it leaves tables of others. */
    public boolean isRepairable() {
        return !rows.isEmpty() || !database.stream().allMatch(Schema::isLeft);
    }
}
