package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.near.NearDuplicates;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.withdraw.Withdrawn.HandedOut;

/** A withdrawal as the ledger tells it. */
final class WithdrawalEntry {
    private WithdrawalEntry() {}

    /**
     * The entry's facts.
     *
     * @param replacements checkpoints of ingredients that were trained again
     */
    static JsonObject body(
            Queries q,
            WithdrawRequest request,
            Plan plan,
            List<String> replacements,
            AlikePictures alike) {
        List<Long> ingredients = new ArrayList<>();
        plan.gone().forEach(i -> ingredients.add(i.id()));
        plan.retrained().forEach(i -> ingredients.add(i.id()));
        Map<Long, List<String>> byShard = new TreeMap<>();
        plan.samples()
                .forEach(x ->
                        byShard.computeIfAbsent(x.shard(), k -> new ArrayList<>()).add(x.sha256()));
        List<JsonObject> samples = new ArrayList<>();
        byShard.forEach((shard, hashes) ->
                samples.add(Json.object().put("shard", shard).strings("sha256", hashes).build()));
        Json.Builder body =
                Json.object()
                        .put("reason", request.reason())
                        .numbers("shards", plan.shards().stream().map(ShardRow::id).toList())
                        .objects("samples", samples)
                        .numbers("ingredients", ingredients)
                        .numbers(
                                Choices.RETRAINED,
                                plan.retrained().stream().map(IngredientRow::id).toList())
                        .numbers("bases", plan.bases().stream().map(BaseRow::id).toList())
                        .numbers("soups", plan.soups().stream().map(SoupRow::id).toList())
                        .numbers(
                                "publications",
                                plan.publications().stream().map(HandedOut::entry).toList())
                        .put("selections", request.keepSelection() ? "kept" : "run again or none");
        Map<Long, String> staying = new TreeMap<>();
        Map<Long, String> names = new TreeMap<>();
        for (BaseRow b : q.bases()) {
            if (b.withdrawn().isEmpty() && !plan.bases().contains(b)) {
                staying.put(b.id(), b.checkpoint());
                names.put(b.id(), b.name());
            }
        }
        for (IngredientRow i : q.ingredients()) {
            if (i.withdrawn().isEmpty() && !ingredients.contains(i.id())) {
                staying.put(i.id(), i.checkpoint());
                names.put(i.id(), i.name());
            }
        }
        plan.weights().describe(q, staying, names, replacements, body);
        NearDuplicates.describe(alike.found(), request.likeness(), body);
        return body.build();
    }
}
