package org.diffusionsoup.registry.withdraw;

import java.nio.file.Path;
import java.util.List;
import java.util.SequencedMap;
import java.util.SortedMap;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * A withdrawal that was done.
 *
 * @param entry its number in the ledger
 * @param shards names of those that left whole
 * @param samples how many single pictures left
 * @param before SHA-256 of pictures that were named and had left before, with the entries that
 *     withdrew them
 * @param ingredients names of those that left for good
 * @param trainedAgain names of those that were trained again without the pictures that left
 * @param all every ingredient, base and soup that left, with why
 * @param samePictures live shards that hold some of the same pictures, and how many
 * @param withdrawn soups that left, all versions
 * @param made soups made instead
 * @param emptied soups that were current and that nothing is left of
 * @param lacking a sentence for each object that is missing, or of another size, of ingredients
 *     that current soups hold, which were perhaps made by their kept sums: no certificate can be
 *     replayed until it is back
 * @param unknown what left and of which nobody knows any more what tensors it held, as its manifest
 *     is gone: weights that hold a part of it are not found
 * @param retired ingredients that were retired, and that no soup holds any more now; their weights
 *     stay until garbage is collected
 * @param bases names of bases that left, because they held what left
 * @param publications everywhere that a soup went that ever held what left, in any version
 * @param bytesFreed deleted from the store
 * @param freedBeside whether weights that left were deleted by another collection at that moment,
 *     such as another withdrawal's, so that nothing was left to free
 * @param certificate signed
 * @param weightsSeconds spent on making soups and deleting weights
 * @param ledgerSeconds spent in the ledger
 */
public record Withdrawn(
        long entry,
        List<String> shards,
        int samples,
        SortedMap<String, Long> before,
        List<String> ingredients,
        List<String> trainedAgain,
        List<Gone> all,
        SequencedMap<String, Integer> samePictures,
        List<SoupRow> withdrawn,
        List<SoupRow> made,
        List<SoupRow> emptied,
        List<String> lacking,
        List<String> unknown,
        List<IngredientRow> retired,
        List<String> bases,
        List<HandedOut> publications,
        long bytesFreed,
        boolean freedBeside,
        Path certificate,
        double weightsSeconds,
        double ledgerSeconds) {
    /**
     * A copy that was handed out.
     *
     * @param entry of its publication
     * @param soup its label
     * @param place where it went
     */
    public record HandedOut(long entry, String soup, String place) {}
}
