package org.diffusionsoup.registry.withdraw;

import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.WeightsThatLeave;
import org.diffusionsoup.registry.withdraw.Withdrawn.HandedOut;

/**
 * What leaves, at one state of the ledger.
 *
 * @param shards whole ones
 * @param samples single pictures of other shards
 * @param before pictures that were named and had left before, with the entries that withdrew them
 * @param gone ingredients that leave for good
 * @param retrained ingredients that are trained again without the samples
 * @param bases that hold what leaves
 * @param soups all versions that hold what leaves, and current ones that were chosen with a look at
 *     it
 * @param chosen current soups among these that a search chose with a look at what leaves
 * @param publications where soups went that ever held what leaves, or were chosen with a look at it
 * @param weights the hashes of what leaves
 * @param all ingredients, bases and soups, each with why
 */
record Plan(
        List<ShardRow> shards,
        List<SampleRow> samples,
        SortedMap<String, Long> before,
        List<IngredientRow> gone,
        List<IngredientRow> retrained,
        List<BaseRow> bases,
        List<SoupRow> soups,
        List<SoupRow> chosen,
        List<HandedOut> publications,
        WeightsThatLeave weights,
        List<Gone> all) {
    /** Whether more leaves than what was named, was trained on it, or was made from that. */
    boolean isBeyondWhatWasNamed() {
        return all.stream().anyMatch(Gone::beyond);
    }

    /** Whether what must not have changed until the transaction is the same. */
    boolean isStill(Plan now) {
        return ids().equals(now.ids());
    }

    private List<Set<?>> ids() {
        return List.of(
                ids(shards.stream().map(ShardRow::id)),
                Set.copyOf(samples),
                ids(gone.stream().map(IngredientRow::id)),
                ids(retrained.stream().map(IngredientRow::id)),
                ids(bases.stream().map(BaseRow::id)),
                ids(soups.stream().filter(SoupRow::isCurrent).map(SoupRow::id)),
                ids(chosen.stream().map(SoupRow::id)));
    }

    private static Set<Long> ids(Stream<Long> all) {
        return new TreeSet<>(all.toList());
    }

    /** Whether any weights are there to be deleted. */
    boolean isIn(WeightStore store) {
        return Stream.of(
                        gone.stream().map(IngredientRow::checkpoint),
                        retrained.stream().map(IngredientRow::checkpoint),
                        bases.stream().map(BaseRow::checkpoint),
                        soups.stream().map(SoupRow::checkpoint))
                .flatMap(ids -> ids)
                .anyMatch(store::has);
    }
}
