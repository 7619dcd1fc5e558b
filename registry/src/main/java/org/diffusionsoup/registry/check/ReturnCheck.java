package org.diffusionsoup.registry.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.registry.check.Finding.Severity;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ReturnedSamples;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** What is live in a registry though it was withdrawn. */
final class ReturnCheck {
    private final ReturnedWeights weights;

    ReturnCheck(WeightStore store) {
        this.weights = new ReturnedWeights(store);
    }

    List<Finding> findings(Queries q) {
        List<Finding> found = new ArrayList<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty())
                .map(b -> weights.of(q, b))
                .flatMap(Optional::stream)
                .forEach(s -> found.add(new Finding(Severity.ERROR, "store", s)));
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty())
                .map(i -> weights.of(q, i))
                .flatMap(Optional::stream)
                .forEach(s ->
                        found.add(
                                new Finding(
                                        Severity.ERROR,
                                        "store",
                                        s + "; withdraw the shards it names")));
        for (IngredientRow i : q.ingredients()) {
            if (i.isLive()) {
                weights.contradiction(q, i)
                        .ifPresent(s ->
                                found.add(
                                        new Finding(
                                                Severity.ERROR,
                                                "store",
                                                s
                                                        + "; if those were withdrawn, it is trained on their"
                                                        + " data: withdraw the shards it names, or take it"
                                                        + " out with 'soup ingredient retire "
                                                        + i.name()
                                                        + "'")));
                weights.ofOtherData(q, i)
                        .ifPresent(s ->
                                found.add(
                                        new Finding(
                                                Severity.ERROR,
                                                "store",
                                                s
                                                        + ", which the ledger does not state for it; take it"
                                                        + " out with 'soup ingredient retire "
                                                        + i.name()
                                                        + "'")));
                weights.unsaid(q, i)
                        .ifPresent(s -> found.add(new Finding(Severity.NOTE, "store", s)));
            }
        }
        for (ReturnedSamples r : q.returnedSamples()) {
            if (q.entry(r.shard()).body().get("readmitted").isEmpty()) {
                found.add(
                        new Finding(
                                Severity.NOTE,
                                "ledger",
                                "shard "
                                        + Json.string(q.entry(r.shard()).body(), "name")
                                        + " came after "
                                        + r.pictures()
                                        + " of its pictures had been withdrawn (entry "
                                        + r.withdrawal()
                                        + "), and no agreement is recorded; 'soup withdraw"
                                        + " `samples`' takes them out"));
            }
        }
        return found;
    }
}
