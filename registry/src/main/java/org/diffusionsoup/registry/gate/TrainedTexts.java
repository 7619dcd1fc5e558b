package org.diffusionsoup.registry.gate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.gate.Requirement.Audit;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.weights.Origin;

/**
 * By what texts ingredients were trained on a shard, as far as their recipes tell: an audit that
 * asks for a shard's pictures by other words than they were learnt by shows nothing. Recipes name
 * rows by a hash of keys, captions and pictures, and so does an audit; what that leaves out, an
 * audit compares with the shard as it was recorded, and states ({@link DrawnTexts}).
 *
 * @param known what has to be audited, each by one of its hashes
 * @param unknown who had texts that the ledger does not know, such as {@code ingredient 'a' (entry
 *     4) was trained on}
 */
record TrainedTexts(List<Known> known, List<String> unknown) {
    /**
     * Rows that are known by hashes.
     *
     * @param whose such as {@code ingredient 'a' (entry 4) was trained on}
     * @param hashes of rows, of which those of the shard are one; empty where none is known
     */
    record Known(String whose, Set<String> hashes) {
        /** Whether an audit may have drawn by these texts. */
        boolean admits(JsonObject audit) {
            return !DrawnTexts.OTHER.isOf(audit)
                    && (hashes.isEmpty()
                            || audit.string(Audit.ROWS).filter(hashes::contains).isPresent());
        }
    }

    /** What has to be audited; where nothing is known, by whatever texts it was. */
    List<Known> required() {
        return known.isEmpty()
                ? List.of(new Known(String.join(" and ", unknown), Set.of()))
                : known;
    }

    /**
     * What is recorded of live ingredients.
     *
     * @param among entries of what counts, such as of all that is behind a soup
     */
    static TrainedTexts of(Queries q, ShardRow shard, Set<Long> among) {
        List<Known> known = new ArrayList<>();
        List<String> unknown = new ArrayList<>();
        for (IngredientRow i : q.ingredients()) {
            if (!i.isLive() || !among.contains(i.id()) || !i.shards().contains(shard.id())) {
                continue;
            }
            String label = "ingredient '%s' (entry %d) was trained on".formatted(i.name(), i.id());
            Map<String, Long> data = Origin.of(q.recipe(i.id())).data();
            if (tells(q, i, data)) {
                known.add(new Known(label, Set.copyOf(data.keySet())));
            } else {
                unknown.add(label);
            }
        }
        if (known.isEmpty() && unknown.isEmpty()) { // it is of the soup by its weights alone
            unknown.add("shard '" + shard.name() + "' was recorded with");
        }
        return new TrainedTexts(List.copyOf(known), List.copyOf(unknown));
    }

    /**
     * Whether a recipe names the rows of each of an ingredient's shards: as many hashes, of no
     * fewer rows than those had pictures. What was trained outside may have had a part of a shard.
     */
    private static boolean tells(Queries q, IngredientRow i, Map<String, Long> data) {
        if (data.size() != i.shards().size()) {
            return false;
        }
        if (data.containsValue(0L)) { // does not state how many, as for all of a shard
            return true;
        }
        long rows = data.values().stream().mapToLong(Long::longValue).sum();
        return rows >= i.shards().stream().mapToLong(s -> pictures(q, s, i.id())).sum();
    }

    /** How many pictures a shard had when an entry came. */
    private static long pictures(Queries q, long shard, long entry) {
        return q.samples(shard).stream()
                .map(SampleRow::withdrawn)
                .filter(w -> w.isEmpty() || w.get() > entry)
                .count();
    }
}
