package org.diffusionsoup.registry.certificate;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.diffusionsoup.registry.weights.AgreedWeights;
import org.diffusionsoup.registry.weights.Origin;

/** What a certificate says of the soups that the withdrawal did not touch. */
final class LiveSoups {
    private final Queries q;
    private final Map<Long, ShardRow> shards;

    LiveSoups(Queries q, Map<Long, ShardRow> shards) {
        this.q = q;
        this.shards = shards;
    }

    /**
     * Soups with their ingredients and those with their shards, each told once.
     *
     * @param bases takes the bases of the ingredients
     */
    JsonObject section(List<SoupRow> soups, Set<Long> bases) {
        List<JsonObject> list = new ArrayList<>();
        TreeSet<Long> ingredients = new TreeSet<>();
        for (SoupRow row : soups) {
            Entry e = q.entry(row.id());
            List<JsonObject> members = new ArrayList<>();
            for (JsonObject m : Json.objects(e.body(), "ingredients")) {
                ingredients.add(Json.number(m, "entry"));
                members.add(
                        Json.object()
                                .put("entry", Json.number(m, "entry"))
                                .put("coefficient", Json.string(m, "coefficient"))
                                .build());
            }
            list.add(
                    Json.object()
                            .put("entry", e.seq())
                            .put("entry_hash", e.hash())
                            .put("name", row.name())
                            .put("version", row.version())
                            .put("checkpoint", row.checkpoint())
                            .map("files", Json.map(e.body(), "files"))
                            .objects("ingredients", members)
                            .build());
        }
        TreeSet<Long> of = new TreeSet<>();
        List<JsonObject> parts = new ArrayList<>();
        for (long id : ingredients) {
            Entry i = q.entry(id);
            JsonObject b = i.body();
            bases.add(Json.number(b, "base"));
            of.addAll(Json.numbers(b, "shards"));
            Json.Builder part =
                    Json.object()
                            .put("entry", id)
                            .put("entry_hash", i.hash())
                            .put("name", Json.string(b, "name"))
                            .put("checkpoint", Json.string(b, "checkpoint"))
                            .put("base", Json.number(b, "base"))
                            .numbers("shards", Json.numbers(b, "shards"))
                            .map("files", Json.map(b, "files"))
                            .put(CertificateForm.RECIPE, q.recipe(id));
            parts.add(CertificateForm.trainedOn(part, b).build());
        }
        return Json.object()
                .objects("soups", list)
                .objects("ingredients", parts)
                .objects("shards", of.stream().map(s -> CertificateForm.shard(shards, s)).toList())
                .build();
    }

    /** Live ingredients with the hashes of what left, whose pictures all have an agreement. */
    List<JsonObject> readmitted(Entry withdrawal, Set<Long> members) {
        Set<String> roots = new HashSet<>();
        for (long id : Json.numbers(withdrawal.body(), "shards")) {
            roots.add(CertificateForm.shard(shards, id).string("root").orElse(""));
        }
        List<JsonObject> list = new ArrayList<>();
        for (long id : members) {
            JsonObject b = q.entry(id).body();
            List<Long> of = Json.numbers(b, "shards");
            Set<String> hashes = new HashSet<>(Json.map(b, "files").values());
            hashes.add(Json.string(b, "checkpoint"));
            hashes.addAll(Origin.of(q.recipe(id)).named());
            boolean agreed =
                    isAgreed(hashes, withdrawal.seq(), of)
                            || of.stream()
                                    .anyMatch(s ->
                                            roots.contains(
                                                    CertificateForm.shard(shards, s)
                                                            .string("root")
                                                            .orElse("")));
            if (agreed) {
                list.add(
                        Json.object()
                                .put("entry", id)
                                .put("name", Json.string(b, "name"))
                                .numbers("shards", of)
                                .build());
            }
        }
        return list;
    }

    /** Whether something of a withdrawal is among these hashes, and all of that is agreed on. */
    private boolean isAgreed(Set<String> hashes, long withdrawal, List<Long> of) {
        AgreedWeights agreed = new AgreedWeights(q, of);
        Map<String, List<WithdrawnWeight>> owners =
                q.withdrawnWeights(hashes).stream()
                        .collect(Collectors.groupingBy(WithdrawnWeight::sha256));
        owners.values().removeIf(o -> o.stream().noneMatch(w -> w.withdrawal() == withdrawal));
        return !owners.isEmpty() && owners.values().stream().allMatch(agreed::isAgreed);
    }
}
