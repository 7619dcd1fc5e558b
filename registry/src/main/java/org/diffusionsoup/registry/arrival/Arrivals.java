package org.diffusionsoup.registry.arrival;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.store.LeftOut;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ContentHashes;
import org.diffusionsoup.registry.weights.IngredientCheck;
import org.diffusionsoup.registry.weights.NamedWeights;
import org.diffusionsoup.registry.weights.NewWeights;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/**
 * What weights come into a registry: bases and ingredients; of shards are {@link ShardArrivals}.
 */
public final class Arrivals {
    private final Context context;

    public Arrivals(Context context) {
        this.context = context;
    }

    /**
     * Records a base and stores its weights.
     *
     * @throws RegistryException if the name is taken by other weights, or they hold what was
     *     withdrawn or a shard that expired
     */
    public BaseRow addBase(String name, Path checkpoint) {
        Names.check("base", name);
        try (WeightStore.Session session = context.store().open()) {
            context.read(q -> {
                Names.checkFree(q, "base", name);
                return true;
            });
            List<String> leftOut = leftOut(checkpoint, List.of());
            try (Staged staged = context.store().stage(checkpoint, leftOut)) {
                String id = staged.id();
                new IngredientCheck(WeightStore.with(staged), session.work())
                        .base("Base '" + name + "' (" + checkpoint + ")", id);
                SortedSet<String> contents =
                        ContentHashes.of(
                                WeightStore.with(staged), staged.manifest(), Optional.empty());
                return context.ledger()
                        .write(t -> {
                            String what = "Base '" + name + "'";
                            refuseReturned(t, what, staged, contents, List.of(), false);
                            new ReturnedWeights(WeightStore.with(staged))
                                    .baseMadeOf(t, what, id)
                                    .ifPresent(s -> refuse(s, false));
                            context.shards()
                                    .refuseExpired(
                                            t, "base " + name, NewWeights.base(staged, contents));
                            Names.checkFree(t, "base", name);
                            Optional<BaseRow> old =
                                    t.bases().stream()
                                            .filter(b -> b.name().equals(name))
                                            .findFirst();
                            if (old.isPresent()) {
                                if (old.get().checkpoint().equals(id)) {
                                    staged.keep();
                                    return old.get();
                                }
                                throw new RegistryException(
                                        "There is another base '"
                                                + name
                                                + "'; choose another name.");
                            }
                            JsonObject body =
                                    Json.object()
                                            .put("name", name)
                                            .put("checkpoint", id)
                                            .map("files", staged.manifest().weightFiles())
                                            .strings(ContentHashes.FIELD, contents)
                                            .build();
                            long entry = t.append(Kind.BASE, body).seq();
                            staged.keep();
                            return new BaseRow(entry, name, id, Optional.empty());
                        });
            }
        }
    }

    /**
     * What of a folder is not stored.
     *
     * @param kin checkpoints that it is to be averaged with, and their base
     */
    private List<String> leftOut(Path checkpoint, List<String> kin) {
        List<Map<String, String>> others =
                kin.stream()
                        .filter(context.store()::has)
                        .map(id -> context.store().manifest(id).otherFiles())
                        .toList();
        return context.read(q ->
                LeftOut.of(
                        checkpoint,
                        (path, sha256) -> others.stream().anyMatch(o -> sha256.equals(o.get(path))),
                        sha256 ->
                                !q.samples(sha256).isEmpty()
                                        || !q.withdrawnWeights(Set.of(sha256)).isEmpty()));
    }

    private static void refuseReturned(
            Queries q,
            String what,
            Staged staged,
            Set<String> contents,
            List<Long> shards,
            boolean isIngredient) {
        new ReturnedWeights(WeightStore.with(staged))
                .of(q, what, staged.id(), contents, shards)
                .ifPresent(s -> refuse(s, isIngredient));
    }

    private static void refuse(String returned, boolean isIngredient) {
        throw new RegistryException(
                returned
                        + "; "
                        + (isIngredient ? ReturnedWeights.READMIT : ReturnedWeights.READMIT_BASE));
    }

    /**
     * Records an ingredient and stores its weights.
     *
     * @throws RegistryException if something it names is unknown or withdrawn, the name is in use,
     *     or its weights are no ingredient's of its base
     */
    public IngredientRow addIngredient(NewIngredient n) {
        try (WeightStore.Session session = context.store().open()) {
            record Known(BaseRow base, List<BaseRow> bases, List<IngredientRow> siblings) {}
            Known known =
                    context.read(q -> {
                        n.shards().forEach(s -> context.shards().named(q, s));
                        Names.checkNewName(q, n.name());
                        BaseRow b = context.shards().base(q, n.base());
                        return new Known(
                                b,
                                q.bases().stream().filter(x -> x.withdrawn().isEmpty()).toList(),
                                q.ingredients().stream()
                                        .filter(i -> i.isLive() && i.base() == b.id())
                                        .toList());
                    });
            List<String> kin = new ArrayList<>(List.of(known.base().checkpoint()));
            known.siblings().forEach(i -> kin.add(i.checkpoint()));
            List<String> leftOut = leftOut(n.weights(), kin);
            try (Staged staged = context.store().stage(n.weights(), leftOut)) {
                new IngredientCheck(WeightStore.with(staged), session.work())
                        .ingredient(
                                "Ingredient '" + n.name() + "' (" + n.weights() + ")",
                                staged.id(),
                                known.base(),
                                known.bases(),
                                known.siblings());
                SortedSet<String> contents =
                        contents(WeightStore.with(staged), staged.id(), known.base());
                return context.ledger()
                        .write(t -> {
                            Names.checkNewName(t, n.name());
                            List<Long> shards =
                                    n.shards().stream()
                                            .map(s -> context.shards().named(t, s).id())
                                            .toList();
                            String what = "Ingredient '" + n.name() + "'";
                            BaseRow base = context.shards().base(t, n.base());
                            NewWeights weights =
                                    NewWeights.ingredient(staged, contents, base, n.recipe());
                            context.shards().refuseExpired(t, "ingredient " + n.name(), weights);
                            refuseReturned(t, what, staged, contents, shards, true);
                            new ReturnedWeights(WeightStore.with(staged))
                                    .madeOf(t, what, n.recipe(), staged.id(), base, shards)
                                    .ifPresent(s -> refuse(s, true));
                            new NamedWeights(WeightStore.with(staged))
                                    .objection(t, what, n.recipe(), staged.id(), base, shards)
                                    .or(() -> weights.madeTheirBase(t, what))
                                    .or(() ->
                                            new ReturnedWeights(WeightStore.with(staged))
                                                    .dataObjection(
                                                            t,
                                                            what,
                                                            n.recipe(),
                                                            staged.id(),
                                                            base,
                                                            shards))
                                    .ifPresent(s -> {
                                        throw new RegistryException(s);
                                    });
                            long entry = append(t, n, staged.manifest(), contents);
                            staged.keep(); // last: nothing refuses it any more
                            return t.ingredient(entry).orElseThrow();
                        });
            }
        }
    }

    /** By what recipes will name a stored ingredient of a base: {@link ContentHashes}. */
    public static SortedSet<String> contents(WeightStore store, String checkpoint, BaseRow base) {
        Optional<Manifest> known =
                store.has(base.checkpoint())
                        ? Optional.of(store.manifest(base.checkpoint()))
                        : Optional.empty();
        return ContentHashes.of(store, store.manifest(checkpoint), known);
    }

    /**
     * Appends an ingredient whose weights are stored.
     *
     * @param contents their {@link #contents}
     */
    public long append(
            Ledger.Transaction t, NewIngredient n, String checkpoint, SortedSet<String> contents) {
        return append(t, n, context.store().manifest(checkpoint), contents);
    }

    private long append(
            Ledger.Transaction t, NewIngredient n, Manifest manifest, SortedSet<String> contents) {
        BaseRow base = Names.base(t, n.base());
        List<Long> shards = new ArrayList<>();
        for (String name : n.shards()) {
            ShardRow s = context.shards().named(t, name);
            if (!shards.contains(s.id())) {
                shards.add(s.id());
            }
        }
        if (shards.isEmpty()) {
            throw new RegistryException(
                    "Ingredient " + n.name() + " names no shard that it was trained on.");
        }
        Json.Builder body =
                Json.object()
                        .put("name", n.name())
                        .put("base", base.id())
                        .numbers("shards", shards)
                        .put("checkpoint", manifest.id())
                        .map("files", manifest.weightFiles())
                        .strings(ContentHashes.FIELD, contents)
                        .put("recipe", n.recipe())
                        .put("code_version", n.codeVersion());
        n.trainedOn().ifPresent(on -> on.describe(body));
        return t.append(Kind.INGREDIENT, body.build()).seq();
    }
}
