package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Which recorded weights an {@link Origin} names, by the hashes of their files or of what is in
 * them, and whether that is what the ledger says.
 */
public final class NamedWeights {
    private final HeldWeights.Reader reader;

    public NamedWeights(WeightStore store) {
        this(new HeldWeights.Reader(store));
    }

    NamedWeights(HeldWeights.Reader reader) {
        this.reader = reader;
    }

    /**
     * What is wrong with recording weights as an ingredient of a base that was trained on some
     * shards, as their recipe tells it: they were made of something recorded whose shards are not
     * among those, or trained from another base than that.
     *
     * @param what in the sentence: the ingredient
     * @param checkpoint stored
     * @return a sentence; empty if nothing is
     */
    public Optional<String> objection(
            Queries q,
            String what,
            JsonObject recipe,
            String checkpoint,
            BaseRow base,
            List<Long> shards) {
        Origin origin = reader.ofIngredient(recipe, checkpoint, base);
        return unsaid(q, what, origin, base, shards)
                .or(() ->
                        contradiction(q, what, origin, base)
                                .map(s ->
                                        s
                                                + "; name the base that it was trained from (`base`), which"
                                                + " 'soup base add' records."));
    }

    /** The same of what is recorded: by way of what else it leaves; empty if by nothing. */
    public Optional<String> unsaid(Queries q, IngredientRow i) {
        BaseRow base = base(q, i);
        return unsaid(q, "Ingredient '" + i.name() + "'", reader.origin(q, i), base, i.shards());
    }

    /** How the recipe of what is recorded contradicts its base; empty if it does not. */
    Optional<String> contradiction(Queries q, IngredientRow i) {
        return contradiction(q, "Ingredient '" + i.name() + "'", reader.origin(q, i), base(q, i));
    }

    private static BaseRow base(Queries q, IngredientRow i) {
        return q.bases().stream().filter(b -> b.id() == i.base()).findFirst().orElseThrow();
    }

    /**
     * Shards that something was trained on by way of a recorded ingredient or soup that its recipe
     * names, and that are not among those named for it, nor have all their pictures live in those.
     */
    private Optional<String> unsaid(
            Queries q, String what, Origin origin, BaseRow base, List<Long> shards) {
        Set<String> named = unexplained(q, origin, base);
        if (named.isEmpty()) {
            return Optional.empty();
        }
        Map<Long, IngredientRow> ingredients = new TreeMap<>();
        q.ingredients().forEach(i -> ingredients.put(i.id(), i));
        for (IngredientRow i : ingredients.values()) {
            if (isNamed(q, named, i.id(), i.checkpoint())) {
                Set<Long> missing = AgreedPictures.missing(q, i.shards(), i.id(), shards);
                if (!missing.isEmpty()) {
                    return Optional.of(sentence(q, what, "ingredient '" + i.name() + "'", missing));
                }
            }
        }
        for (SoupRow s : q.soups()) {
            if (isNamed(q, named, s.id(), s.checkpoint())) {
                Set<Long> of = new LinkedHashSet<>();
                s.members()
                        .forEach(m ->
                                Optional.ofNullable(ingredients.get(m.ingredient()))
                                        .ifPresent(i -> of.addAll(i.shards())));
                Set<Long> missing = AgreedPictures.missing(q, of, s.id(), shards);
                if (!missing.isEmpty()) {
                    return Optional.of(sentence(q, what, "soup " + s.label(), missing));
                }
            }
        }
        return Optional.empty();
    }

    /** What is named and is not the base's: its weights are read only where that may matter. */
    private Set<String> unexplained(Queries q, Origin origin, BaseRow base) {
        Set<String> named = new HashSet<>(origin.named());
        named.removeAll(files(q, base.id()));
        if (!named.isEmpty()) {
            named.removeAll(reader.contents(q, base.id(), base.checkpoint()));
        }
        return named;
    }

    private boolean isNamed(Queries q, Set<String> named, long entry, String checkpoint) {
        return files(q, entry).stream().anyMatch(named::contains)
                || reader.contents(q, entry, checkpoint).stream().anyMatch(named::contains);
    }

    /**
     * How a recipe contradicts the base: it names weights that a training started from, and they
     * are neither that base's nor those of anything else that is recorded, whose shards then count.
     */
    private Optional<String> contradiction(Queries q, String what, Origin origin, BaseRow base) {
        for (Origin.Start start : origin.trainedFrom()) {
            String sha256 = start.sha256();
            Set<String> known = reader.contents(q, base.id(), base.checkpoint());
            if (known.isEmpty() // damaged in the store, which 'soup fsck' says
                    || known.contains(sha256)
                    || files(q, base.id()).contains(sha256)
                    || !q.withdrawnWeights(List.of(sha256)).isEmpty()
                    || isOfModel(q, Set.of(sha256))) {
                continue;
            }
            Optional<BaseRow> other =
                    q.bases().stream()
                            .filter(b -> isNamed(q, Set.of(sha256), b.id(), b.checkpoint()))
                            .findFirst();
            if (other.isPresent() && start.converted()) {
                continue; // the base in the other layout
            }
            return Optional.of(
                    "%s: its recipe says that it was trained from weights with the hash %s (%s), which are %s"
                            .formatted(
                                    what,
                                    sha256.substring(0, 12),
                                    start.field(),
                                    other.map(b ->
                                                    "those of base '%s', not of base '%s'"
                                                            .formatted(b.name(), base.name()))
                                            .orElse("not those of base '" + base.name() + "'")));
        }
        return Optional.empty();
    }

    private boolean isOfModel(Queries q, Set<String> sha256) {
        return q.ingredients().stream().anyMatch(i -> isNamed(q, sha256, i.id(), i.checkpoint()))
                || q.soups().stream().anyMatch(s -> isNamed(q, sha256, s.id(), s.checkpoint()));
    }

    private static Set<String> files(Queries q, long entry) {
        return Set.copyOf(Json.map(q.entry(entry).body(), "files").values());
    }

    private static String sentence(Queries q, String what, String madeOf, Set<Long> missing) {
        List<String> names = new ArrayList<>();
        List<String> live = new ArrayList<>();
        List<String> gone = new ArrayList<>();
        for (ShardRow s : q.shards()) {
            if (missing.contains(s.id())) {
                String name = s.name();
                names.add(name);
                s.withdrawn()
                        .ifPresentOrElse(
                                w -> gone.add("'%s' was withdrawn (entry %d)".formatted(name, w)),
                                () -> live.add(name));
            }
        }
        String made =
                "%s was made of %s, as its recipe says, and so from the data of %s"
                        .formatted(what, madeOf, String.join(", ", names));
        if (!gone.isEmpty()) {
            return "%s; shard %s: its pictures have to be readmitted first ('soup shard add `readmit`'), and the shard that has them then be named."
                    .formatted(made, String.join(", shard ", gone));
        }
        return "%s; name that, too (`shard` %s), so that it leaves with it."
                .formatted(made, String.join(" `shard` ", live));
    }
}
