package org.diffusionsoup.registry.weights;

import java.util.List;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.store.WeightStore;

/** Bases that were recorded before what they were made of, as their recipes say. */
public final class EarlierBases {
    private EarlierBases() {}

    /**
     * Names of live bases that are older than an ingredient and leave with it all the same, with
     * what was made from them.
     *
     * @param i recorded, with its weights in the store
     */
    public static List<String> of(Queries q, WeightStore store, IngredientRow i) {
        WeightsThatLeave one = new WeightsThatLeave(store);
        one.add(q, i);
        return q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty() && b.id() < i.id())
                .filter(b -> one.namedBy(b).isPresent())
                .map(BaseRow::name)
                .toList();
    }
}
