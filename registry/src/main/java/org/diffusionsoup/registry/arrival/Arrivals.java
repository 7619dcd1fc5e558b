package org.diffusionsoup.registry.arrival;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import org.diffusionsoup.core.Plural;
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
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.store.Manifest;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ContentHashes;
import org.diffusionsoup.registry.weights.IngredientCheck;
import org.diffusionsoup.registry.weights.NamedWeights;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** What comes into a registry: bases, shards and ingredients. */
public final class Arrivals {
    private final Context context;

    public Arrivals(Context context) {
        this.context = context;
    }

    /**
     * Records a base and stores its weights.
     *
     * @throws RegistryException if the name is taken by other weights
     */
    public BaseRow addBase(String name, Path checkpoint) {
        Names.check("base", name);
        try (WeightStore.Session session = context.store().open()) {
            context.read(q -> {
                Names.checkFree(q, "base", name);
                return true;
            });
            try (Staged staged = context.store().stage(checkpoint)) {
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
     * Records a shard.
     *
     * @throws RegistryException if the name was ever used, or the shard expired already
     */
    public AddedShard addShard(NewShard n) {
        refuseExpired(n);
        Set<String> hashes = new LinkedHashSet<>();
        List<String> manifest = new ArrayList<>();
        n.samples().stream()
                .sorted(java.util.Comparator.comparing(NewShard.Sample::sha256))
                .forEach(s -> {
                    if (hashes.add(s.sha256())) {
                        manifest.add((s.sha256() + " " + s.fingerprint()).strip());
                    }
                });
        Json.Builder body =
                Json.object()
                        .put("name", n.name())
                        .put("provider", n.provider())
                        .put("licence", n.licence())
                        .put("uses", n.uses())
                        .put("source", n.source())
                        .put("root", Merkle.root(hashes))
                        .put("samples", hashes.size())
                        .strings("manifest", manifest);
        n.expires().ifPresent(d -> body.put("expires", d.toString()));
        return context.ledger()
                .write(t -> {
                    Names.checkNewShard(t, n.name());
                    readmit(t, n, hashes, body);
                    long id = t.append(Kind.SHARD, body.build()).seq();
                    return new AddedShard(t.shard(n.name()).orElseThrow(), t.copiesOf(id));
                });
    }

    /**
     * Refuses a shard that {@link #addShard} would refuse, and records nothing.
     *
     * @param n whose samples need no fingerprints: what takes long is done for a shard that comes
     *     in
     * @throws RegistryException as {@link #addShard} does
     */
    public void checkShard(NewShard n) {
        refuseExpired(n);
        Set<String> hashes = new LinkedHashSet<>();
        n.samples().forEach(s -> hashes.add(s.sha256()));
        context.read(q -> {
            Names.checkNewShard(q, n.name());
            readmit(q, n, hashes, Json.object());
            return true;
        });
    }

    private void refuseExpired(NewShard n) {
        if (n.expires().isPresent() && n.expires().get().isBefore(context.calendar().today())) {
            throw new RegistryException(
                    "Shard " + n.name() + " expired on " + n.expires().get() + " already.");
        }
    }

    /** Pictures that were withdrawn come back only where it is said why they may. */
    private static void readmit(Queries q, NewShard n, Set<String> hashes, Json.Builder body) {
        List<SampleRow> gone = q.withdrawnSamples(hashes);
        if (gone.isEmpty()) {
            return;
        }
        java.util.TreeSet<Long> entries = new java.util.TreeSet<>();
        java.util.TreeSet<String> pictures = new java.util.TreeSet<>();
        // A picture may have left several shards; what is said of it is the last time.
        Map<String, Long> last = new java.util.TreeMap<>();
        gone.forEach(s -> {
            s.withdrawn()
                    .ifPresent(w -> {
                        entries.add(w);
                        last.merge(s.sha256(), w, Math::max);
                    });
            pictures.add(s.sha256());
        });
        java.util.TreeMap<Long, List<String>> by = new java.util.TreeMap<>();
        last.forEach((sha, w) -> by.computeIfAbsent(w, k -> new ArrayList<>()).add(sha));
        List<String> when = new ArrayList<>();
        by.descendingMap()
                .forEach((w, some) ->
                        when.add(
                                "entry "
                                        + w
                                        + ", '"
                                        + Json.string(q.entry(w).body(), "reason")
                                        + "': "
                                        + (by.size() == 1 ? "" : some.size() + " of them, ")
                                        + "the first is "
                                        + some.getFirst()));
        if (n.readmission().isEmpty()) {
            throw new RegistryException(
                    pictures.size()
                            + " of the "
                            + Plural.of(hashes.size(), "picture")
                            + " of shard "
                            + n.name()
                            + (pictures.size() == 1 ? " was" : " were")
                            + " withdrawn before ("
                            + String.join("; ", when)
                            + "); leave them out, or, if it was agreed anew that they may be used,"
                            + " say so in words for the ledger (`readmit`).");
        }
        body.put(
                "readmitted",
                Json.object()
                        .put("agreement", n.readmission().get())
                        .put("pictures", pictures.size())
                        .numbers("withdrawals", entries)
                        .build());
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
                        BaseRow b = Names.base(q, n.base());
                        return new Known(
                                b,
                                q.bases().stream().filter(x -> x.withdrawn().isEmpty()).toList(),
                                q.ingredients().stream()
                                        .filter(i -> i.isLive() && i.base() == b.id())
                                        .toList());
                    });
            try (Staged staged = context.store().stage(n.weights())) {
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
                            BaseRow base = Names.base(t, n.base());
                            refuseReturned(t, what, staged, contents, shards, true);
                            new ReturnedWeights(WeightStore.with(staged))
                                    .madeOf(t, what, n.recipe(), staged.id(), base, shards)
                                    .ifPresent(s -> refuse(s, true));
                            new NamedWeights(WeightStore.with(staged))
                                    .objection(t, what, n.recipe(), staged.id(), base, shards)
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
