package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.store.WeightStore;

/** Ingredients that were recorded under several names and are the same weights. */
public final class SameIngredients {
    private SameIngredients() {}

    /**
     * A sentence for each weights that several of some ingredients are, whatever their files'
     * headers say: an average counts them as often. What the store does not know any more is
     * compared by its checkpoint alone.
     *
     * @param ingredients their entries
     */
    public static List<String> notes(Queries q, WeightStore store, Collection<Long> ingredients) {
        HeldWeights.Reader reader = new HeldWeights.Reader(store);
        Map<Set<String>, List<String>> names = new LinkedHashMap<>();
        for (long id : new TreeSet<>(ingredients)) {
            IngredientRow i = q.ingredient(id).orElseThrow();
            HeldWeights held = reader.of(q, id, i.checkpoint());
            Set<String> tensors = new TreeSet<>(held.tensors().keySet());
            tensors.addAll(held.small());
            names.computeIfAbsent(
                            tensors.isEmpty() ? Set.of(i.checkpoint()) : tensors,
                            k -> new ArrayList<>())
                    .add("'" + i.name() + "'");
        }
        return names.values().stream()
                .filter(same -> same.size() > 1)
                .map(same ->
                        "Ingredients %s and %s are the same weights, and count %s in an average."
                                .formatted(
                                        String.join(", ", same.subList(0, same.size() - 1)),
                                        same.getLast(),
                                        same.size() == 2 ? "twice" : same.size() + " times"))
                .toList();
    }
}
