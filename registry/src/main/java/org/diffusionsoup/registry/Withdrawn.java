package org.diffusionsoup.registry;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * A withdrawal that was done.
 *
 * @param entry its number in the ledger
 * @param shards names of those that left whole
 * @param samples how many single pictures left
 * @param ingredients names of those that left
 * @param withdrawn soups that left, all versions
 * @param made soups made instead
 * @param publications where withdrawn soups had been handed out
 * @param bytesFreed deleted from the store
 * @param certificate signed
 * @param weightsSeconds spent on making soups and deleting weights
 * @param ledgerSeconds spent in the ledger
 */
public record Withdrawn(
        long entry,
        List<String> shards,
        int samples,
        List<String> ingredients,
        List<SoupRow> withdrawn,
        List<SoupRow> made,
        List<PublicationRow> publications,
        long bytesFreed,
        Path certificate,
        double weightsSeconds,
        double ledgerSeconds) {}
