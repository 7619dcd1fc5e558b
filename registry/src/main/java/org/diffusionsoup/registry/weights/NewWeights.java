package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.store.Staged;
import org.diffusionsoup.registry.store.WeightStore;

/** Weights that are to be recorded, held against what is, as {@link WeightsThatLeave} does it. */
public final class NewWeights {
    private final HeldWeights.Reader reader;
    private final String checkpoint;
    private final Optional<BaseRow> base;
    private final JsonObject recipe;

    /**
     * @param contents by what recipes will name them: {@link ContentHashes}
     * @param base of an ingredient; empty if they are to be a base
     * @param recipe of an ingredient; of a base without fields
     */
    private NewWeights(
            Staged staged, Set<String> contents, Optional<BaseRow> base, JsonObject recipe) {
        this.reader = new HeldWeights.Reader(WeightStore.with(staged));
        this.checkpoint = staged.id();
        this.base = base;
        this.recipe = recipe;
        reader.expect(checkpoint, contents);
    }

    /** A base that is to be. */
    public static NewWeights base(Staged staged, Set<String> contents) {
        return new NewWeights(staged, contents, Optional.empty(), Json.object().build());
    }

    /** An ingredient that is to be. */
    public static NewWeights ingredient(
            Staged staged, Set<String> contents, BaseRow base, JsonObject recipe) {
        return new NewWeights(staged, contents, Optional.of(base), recipe);
    }

    /**
     * What they came of.
     *
     * @param entry of an ingredient, a soup or a base
     * @param why in words, such as {@code has the same weights as soup pair@1}
     */
    public record Source(long entry, String why) {}

    /** The first of some recorded things that they are a copy of, or were made of. */
    public Optional<Source> madeOf(Queries q, Collection<Long> entries) {
        Origin origin =
                base.map(b -> reader.ofIngredient(recipe, checkpoint, b))
                        .orElseGet(() -> reader.origin(asBase()));
        List<Long> sameFirst = new ArrayList<>(entries);
        sameFirst.sort(Comparator.comparing(e -> !isSame(q, e)));
        for (long entry : sameFirst) {
            WeightsThatLeave one = new WeightsThatLeave(reader);
            q.ingredient(entry).ifPresent(i -> one.add(q, i));
            q.soup(entry).ifPresent(s -> one.add(q, s));
            q.bases().stream().filter(b -> b.id() == entry).forEach(b -> one.add(q, b));
            Optional<Source> found =
                    one.copyOf(q, WeightsThatLeave.NEWEST, checkpoint)
                            .or(() -> one.namedIn(origin))
                            .map(why -> new Source(entry, Descent.verb(why)));
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    /**
     * What is wrong with an ingredient's base: by its recipe it was made of the ingredient.
     *
     * @param what in the sentence: the ingredient
     * @return a sentence that says what to do; empty if nothing is
     */
    public Optional<String> madeTheirBase(Queries q, String what) {
        WeightsThatLeave these = new WeightsThatLeave(reader);
        these.add(q, checkpoint);
        return base.filter(b -> these.namedBy(b).isPresent())
                .map(b ->
                        "%s was not trained from base '%s': the base's recipe says that it was made of these weights; name the base that they were trained from (`base`), which 'soup base add' records."
                                .formatted(what, b.name()));
    }

    private boolean isSame(Queries q, long entry) {
        return q.entry(entry).body().string("checkpoint").orElse("").equals(checkpoint);
    }

    private BaseRow asBase() {
        return new BaseRow(WeightsThatLeave.NEWEST, "", checkpoint, Optional.empty());
    }
}
