package org.diffusionsoup.registry.weights;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.WithdrawnWeight;
import org.diffusionsoup.registry.store.WeightStore;
import org.jspecify.annotations.Nullable;

/**
 * Finds weights that were withdrawn and are back, under whatever name: by the hashes of
 * checkpoints, files and tensors, against the index of all that was ever withdrawn. Weights follow
 * their pictures: they may be back where all pictures they were trained on are agreed on anew.
 */
public final class ReturnedWeights {
    /** What a refusal of weights that were withdrawn asks for. */
    public static final String READMIT =
            "weights may come back only with all pictures that they were trained on: if that was"
                    + " agreed anew, record those with 'soup shard add `readmit`', and name that"
                    + " shard.";

    /** The same of a base, which is of no shard. */
    public static final String READMIT_BASE =
            "a base is of no shard, with which it would leave again: weights may come back as an"
                    + " ingredient ('soup ingredient add'), with all pictures that they were trained"
                    + " on recorded anew ('soup shard add `readmit`').";

    private final WeightStore store;
    private final HeldWeights.Reader reader;
    private final NamedWeights named;
    private @Nullable RecordedData data;

    /**
     * @param store of the weights; what is asked of it is asked in one state of the ledger
     */
    public ReturnedWeights(WeightStore store) {
        this.store = store;
        this.reader = new HeldWeights.Reader(store);
        this.named = new NamedWeights(reader);
    }

    /** What an ingredient has of what was withdrawn, in a sentence; empty if nothing. */
    public Optional<String> of(Queries q, IngredientRow i) {
        BaseRow base = q.bases().stream().filter(b -> b.id() == i.base()).findFirst().orElseThrow();
        String what = "Ingredient '" + i.name() + "'";
        return sentence(
                        q,
                        what,
                        reader.of(q, i.id(), i.checkpoint()),
                        reader.contents(q, i.id(), i.checkpoint()),
                        i.shards())
                .or(() -> madeOf(q, what, reader.origin(q, i), base, i.shards()))
                .or(() -> besideWeights(q, what, reader.of(q, i.id(), i.checkpoint()), i.shards()));
    }

    /**
     * What a checkpoint has of what was withdrawn among its files without weights, in a sentence;
     * empty if nothing. Only registries of earlier versions kept there what is no text.
     */
    private static Optional<String> besideWeights(
            Queries q, String what, HeldWeights held, List<Long> shards) {
        Set<String> hashes = Set.copyOf(held.others().values());
        Map<String, Long> gone = new HashMap<>();
        new AgreedWeights(q, shards)
                .missing(hashes)
                .forEach(h -> gone.put(h.sha256(), h.withdrawal()));
        q.withdrawnSamples(hashes).stream()
                .filter(s -> q.samples(s.sha256()).stream().noneMatch(x -> isLive(q, x)))
                .forEach(s -> s.withdrawn().ifPresent(w -> gone.put(s.sha256(), w)));
        return held.others().entrySet().stream()
                .filter(f -> gone.containsKey(f.getValue()))
                .findFirst()
                .map(f -> {
                    long withdrawal = gone.getOrDefault(f.getValue(), 0L);
                    return "%s holds as '%s' a file that was withdrawn (entry %d, '%s')"
                            .formatted(
                                    what,
                                    Visible.shortened(f.getKey()),
                                    withdrawal,
                                    Json.string(q.entry(withdrawal).body(), "reason"));
                });
    }

    private static boolean isLive(Queries q, SampleRow sample) {
        return sample.withdrawn().isEmpty()
                && q.shards().stream()
                        .anyMatch(s -> s.id() == sample.shard() && s.withdrawn().isEmpty());
    }

    /**
     * How an ingredient's recipe contradicts the base that the ledger states, in a sentence; empty
     * if it does not. It may be that its source left before the two were compared.
     */
    public Optional<String> contradiction(Queries q, IngredientRow i) {
        return named.contradiction(q, i);
    }

    /**
     * How an ingredient's recipe names data of shards that the ledger does not state for it, in a
     * sentence; empty if it does not. An earlier version may have recorded it, which did not
     * compare them.
     */
    public Optional<String> ofOtherData(Queries q, IngredientRow i) {
        return data(q).unnamed(
                        q, "Ingredient '" + i.name() + "'", reader.origin(q, i).data(), i.shards())
                .map(RecordedData.Unnamed::sentence);
    }

    /**
     * Refuses weights whose recipe names data that is known to be of a shard which was withdrawn,
     * or which is not among those that are named for them.
     *
     * @param checkpoint stored, but in the ledger not yet
     * @param shards whose pictures are agreed on
     * @return a sentence that says what to do; empty if nothing is wrong
     */
    public Optional<String> dataObjection(
            Queries q,
            String what,
            JsonObject recipe,
            String checkpoint,
            BaseRow base,
            List<Long> shards) {
        Origin origin = reader.ofIngredient(recipe, checkpoint, base);
        return data(q).unnamed(q, what, origin.data(), shards)
                .map(u -> u.sentence() + "; " + (u.isWithdrawn() ? READMIT : u.advice()));
    }

    private RecordedData data(Queries q) {
        RecordedData known = data;
        if (known == null) {
            known = new RecordedData(q);
            data = known;
        }
        return known;
    }

    /** Of what it was made besides its base and what its shards say, in a sentence. */
    public Optional<String> unsaid(Queries q, IngredientRow i) {
        return named.unsaid(q, i);
    }

    /**
     * What of that which was withdrawn weights were made of, as their recipe says, in a sentence;
     * empty if nothing.
     *
     * @param checkpoint stored, but in the ledger not yet
     * @param shards whose pictures are agreed on
     */
    public Optional<String> madeOf(
            Queries q,
            String what,
            JsonObject recipe,
            String checkpoint,
            BaseRow base,
            List<Long> shards) {
        return madeOf(q, what, reader.ofIngredient(recipe, checkpoint, base), base, shards);
    }

    /**
     * The same of a base that is stored, but in the ledger not yet, and of data that was withdrawn
     * and that it was trained on.
     */
    public Optional<String> baseMadeOf(Queries q, String what, String checkpoint) {
        Origin origin = Origin.of(Json.object().build(), store, checkpoint, Optional.empty());
        List<Long> live =
                q.shards().stream().filter(s -> s.withdrawn().isEmpty()).map(ShardRow::id).toList();
        return madeOf(q, what, origin.named(), List.of())
                .or(() ->
                        data(q).unnamed(q, what, origin.data(), live)
                                .map(RecordedData.Unnamed::sentence));
    }

    private Optional<String> madeOf(
            Queries q, String what, Origin origin, BaseRow base, List<Long> shards) {
        Set<String> names = new HashSet<>(origin.named());
        names.removeAll(reader.of(q, base.id(), base.checkpoint()).all());
        if (q.withdrawnWeights(names).isEmpty()) {
            return Optional.empty();
        }
        names.removeAll(reader.contents(q, base.id(), base.checkpoint()));
        return madeOf(q, what, names, shards);
    }

    private static Optional<String> madeOf(
            Queries q, String what, Set<String> names, List<Long> shards) {
        return new AgreedWeights(q, shards)
                .missing(names).stream()
                        .findFirst()
                        .map(h ->
                                "%s was made of %s, which was withdrawn (entry %d, '%s'): its recipe names the hash %s"
                                        .formatted(
                                                what,
                                                name(q, h.owner()),
                                                h.withdrawal(),
                                                Json.string(
                                                        q.entry(h.withdrawal()).body(), "reason"),
                                                h.sha256().substring(0, 12)));
    }

    /** The same of a base. */
    public Optional<String> of(Queries q, BaseRow b) {
        String what = "Base '" + b.name() + "'";
        return sentence(
                        q,
                        what,
                        reader.of(q, b.id(), b.checkpoint()),
                        reader.contents(q, b.id(), b.checkpoint()),
                        List.of())
                .or(() -> madeOf(q, what, reader.namedElsewhere(q, b), List.of()))
                .or(() -> besideWeights(q, what, reader.of(q, b.id(), b.checkpoint()), List.of()));
    }

    /**
     * The same of a checkpoint that is stored, but in the ledger not yet.
     *
     * @param contents its {@link ContentHashes}
     */
    public Optional<String> of(
            Queries q, String what, String checkpoint, Set<String> contents, List<Long> shards) {
        return sentence(q, what, reader.of(checkpoint), contents, shards)
                .or(() -> besideWeights(q, what, reader.of(checkpoint), shards));
    }

    /**
     * Stops a soup one of whose ingredients holds, or was made of, what was withdrawn, or was
     * trained from another base, or on other shards, than its entry says.
     *
     * @throws RegistryException naming it, and what to do
     */
    public void refuseMembers(Queries q, String soup, List<Long> ingredients) {
        for (long id : ingredients) {
            IngredientRow i = q.ingredient(id).orElseThrow();
            of(q, i).ifPresent(s -> {
                throw new RegistryException(
                        s
                                + "; it can be in no soup such as '"
                                + soup
                                + "'. Withdraw what it was trained on, "
                                + shards(q, i.shards())
                                + ", or name other ingredients.");
            });
            contradiction(q, i)
                    .or(() -> ofOtherData(q, i))
                    .ifPresent(s -> {
                        throw new RegistryException(
                                s
                                        + "; it can be in no soup such as '"
                                        + soup
                                        + "'. Take it out ('soup ingredient retire "
                                        + i.name()
                                        + "'), or name other ingredients.");
                    });
        }
    }

    private static List<String> shards(Queries q, List<Long> ids) {
        return q.shards().stream().filter(s -> ids.contains(s.id())).map(s -> s.name()).toList();
    }

    private Optional<String> sentence(
            Queries q, String what, HeldWeights held, Set<String> contents, List<Long> shards) {
        Set<String> hashes = held.without(HeldWeights.NONE);
        hashes.addAll(contents);
        List<WithdrawnWeight> hits = new AgreedWeights(q, shards).missing(hashes);
        q.bases().forEach(b -> hits.removeAll(excused(q, hits, held, contents, b)));
        hits.removeAll(new InheritedTensors(store).constants(hits, held.checkpoint()));
        if (hits.isEmpty()) {
            return Optional.empty();
        }
        WithdrawnWeight first = hits.getFirst();
        long same =
                hits.stream()
                        .filter(h -> h.owner() == first.owner())
                        .map(WithdrawnWeight::sha256)
                        .distinct()
                        .count();
        return Optional.of(
                what
                        + " holds weights of "
                        + name(q, first.owner())
                        + ", which was withdrawn (entry "
                        + first.withdrawal()
                        + ", '"
                        + Json.string(q.entry(first.withdrawal()).body(), "reason")
                        + "'): "
                        + same
                        + (same == 1 ? " hash is" : " hashes are")
                        + " the same, the first "
                        + first.sha256().substring(0, 12));
    }

    /**
     * Those of some hashes that say nothing of any picture: what a base had, in whatever format,
     * before that came which left cannot have been made from it.
     */
    private Set<WithdrawnWeight> excused(
            Queries q,
            List<WithdrawnWeight> hits,
            HeldWeights held,
            Set<String> contents,
            BaseRow base) {
        List<WithdrawnWeight> later =
                hits.stream().filter(h -> base.id() < since(q, h.owner())).toList();
        Set<String> found = new HashSet<>();
        later.forEach(h -> found.add(h.sha256()));
        if (found.isEmpty()) {
            return Set.of();
        }
        Set<String> of = new HashSet<>(reader.of(q, base.id(), base.checkpoint()).all());
        of.addAll(reader.contents(q, base.id(), base.checkpoint()));
        InheritedTensors inherited = new InheritedTensors(store);
        of.addAll(inherited.among(found, held.checkpoint(), base.checkpoint()));
        if (found.stream().anyMatch(contents::contains)) {
            of.addAll(inherited.contents(held.checkpoint(), base.checkpoint()));
        }
        return later.stream().filter(h -> of.contains(h.sha256())).collect(Collectors.toSet());
    }

    /** When weights came: a soup's are as old as the oldest of its ingredients. */
    private static long since(Queries q, long owner) {
        return q.soup(owner)
                .map(s -> s.members().stream().mapToLong(m -> m.ingredient()).min().orElse(owner))
                .orElse(owner);
    }

    /** What is called by an entry of the ledger, such as {@code ingredient 'a' (entry 3)}. */
    public static String name(Queries q, long owner) {
        return q.ingredient(owner)
                .map(i -> "ingredient '" + i.name() + "' (entry " + owner + ")")
                .or(() -> q.soup(owner).map(s -> "soup " + s.label()))
                .orElse("the base of entry " + owner);
    }
}
