package org.diffusionsoup.registry.release;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;

/** The weights that something live needs. */
public final class NeededWeights {
    private NeededWeights() {}

    /**
     * Ingredients that were retired, not withdrawn, and that no soup holds any more but withdrawn
     * ones: garbage, though nobody ever asked for it to leave.
     */
    public static List<IngredientRow> retired(Queries q) {
        Set<String> wanted = wanted(q, true).keySet();
        return q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty() && !wanted.contains(i.checkpoint()))
                .toList();
    }

    /**
     * Ids of all checkpoints that are recorded and not withdrawn, wanted or not: weights that hold
     * a part of theirs have to be known when they are withdrawn. What left for its choice alone is
     * one of them: what it holds may be withdrawn still.
     */
    public static Set<String> recorded(Queries q) {
        Set<String> recorded = new HashSet<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty())
                .forEach(b -> recorded.add(b.checkpoint()));
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty())
                .forEach(i -> recorded.add(i.checkpoint()));
        q.soups().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .forEach(s -> recorded.add(s.checkpoint()));
        q.soupsLeftForTheirChoice().forEach(s -> recorded.add(s.checkpoint()));
        return recorded;
    }

    /**
     * Ids of the checkpoints that must be in the store, with a name for each.
     *
     * @param superseded whether older versions of soups are wanted too
     */
    public static Map<String, String> wanted(Queries q, boolean superseded) {
        Map<String, String> wanted = new TreeMap<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty())
                .forEach(b -> wanted.putIfAbsent(b.checkpoint(), "base " + b.name()));
        // Of what was retired, what soups that are not withdrawn are made of.
        Set<Long> members = new HashSet<>();
        q.soups().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .forEach(s -> s.members().forEach(m -> members.add(m.ingredient())));
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty())
                .filter(i -> i.isLive() || members.contains(i.id()))
                .forEach(i -> wanted.putIfAbsent(i.checkpoint(), "ingredient " + i.name()));
        q.soups().stream()
                .filter(s -> s.withdrawn().isEmpty())
                .filter(s -> superseded || s.superseded().isEmpty())
                .forEach(s -> wanted.putIfAbsent(s.checkpoint(), "soup " + s.label()));
        return wanted;
    }
}
