package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * What searches chose soups among, at one state of the ledger. Candidates are entries of
 * ingredients and not names: the name of an ingredient that was retired, or left, may be another's
 * since. Entries of earlier versions have names alone, which mean what had them then.
 */
public final class Choices {
    /** In a soup's entry: the entries of all ingredients that a search chose among. */
    public static final String AMONG = "chosen_among";

    /** In a soup's selection: that it was kept though it saw data that was withdrawn since. */
    public static final String HELPED = "with_help_of_withdrawn_data";

    /** In a withdrawal's entry: which of its ingredients were trained again. */
    public static final String RETRAINED = "retrained";

    private final Queries q;
    private final Map<Long, List<Long>> known = new HashMap<>();

    public Choices(Queries q) {
        this.q = q;
    }

    /** How a search chose a soup, as its entry has it; empty if none did. */
    public Optional<JsonObject> selection(SoupRow s) {
        boolean isChosen = s.method().equals("search") || !s.selectedAmong().isEmpty();
        return isChosen
                        && q.entry(s.id()).body().fields().get("selection")
                                instanceof JsonObject selection
                ? Optional.of(selection)
                : Optional.empty();
    }

    /** Entries of the ingredients that a soup was chosen among; none if no search chose it. */
    public List<Long> candidates(SoupRow s) {
        List<Long> among = known.get(s.id());
        if (among == null) {
            among = find(s);
            known.put(s.id(), among);
        }
        return among;
    }

    private List<Long> find(SoupRow s) {
        Optional<JsonObject> selection = selection(s);
        if (selection.isEmpty()) {
            return List.of();
        }
        JsonObject body = q.entry(s.id()).body();
        if (body.get(AMONG).isPresent()) {
            return Json.numbers(body, AMONG);
        }
        return isKept(s)
                ? candidates(before(s).orElseThrow())
                : named(Json.strings(selection.get(), "candidates"), s.id());
    }

    /** The ingredients that soups could take by these names when an entry was written. */
    private List<Long> named(List<String> names, long entry) {
        return q.ingredients().stream()
                .filter(i -> i.id() < entry && names.contains(i.name()))
                .filter(i -> i.withdrawn().orElse(Long.MAX_VALUE) > entry)
                .filter(i -> i.retired().orElse(Long.MAX_VALUE) > entry)
                .map(IngredientRow::id)
                .toList();
    }

    /** The version before. */
    public Optional<SoupRow> before(SoupRow s) {
        return s.version() > 1 ? q.soup(s.name(), s.version() - 1) : Optional.empty();
    }

    /** Whether an update, or a withdrawal, left a version the choice of the one before. */
    public boolean isKept(SoupRow s) {
        boolean isCarriedOn = s.follows() || q.entry(s.id()).body().get("withdrawal").isPresent();
        return isCarriedOn
                && selection(s).isPresent()
                && selection(s)
                        .map(Choices::hash)
                        .equals(before(s).flatMap(this::selection).map(Choices::hash));
    }

    private static String hash(JsonObject selection) {
        return Json.sha256(Json.object(selection).put(HELPED, false).build());
    }

    /** Whether a soup was chosen with a look at one of these shards or ingredients. */
    public boolean isLookAt(SoupRow s, Collection<Long> shards, Collection<Long> ingredients) {
        return s.selectedAmong().stream().anyMatch(shards::contains)
                || candidates(s).stream().anyMatch(ingredients::contains);
    }

    /**
     * Candidates that left after a soup was chosen with a look at them, where it does not say so:
     * earlier versions overlooked those that left as copies.
     */
    public List<IngredientRow> untold(SoupRow s) {
        if (selection(s).filter(c -> !Json.flag(c, HELPED)).isEmpty()) {
            return List.of();
        }
        return candidates(s).stream()
                .map(c -> q.ingredient(c).orElseThrow())
                .filter(i -> i.withdrawn().filter(w -> w > s.id()).isPresent())
                .toList();
    }

    /**
     * What a soup can be chosen among today: its candidates, or what was trained again in their
     * places, but those that left or were retired. A candidate of a base that the soup holds
     * nothing of can have been in no average with it, whatever an earlier version took.
     */
    public List<IngredientRow> left(SoupRow s) {
        Set<Long> bases = new HashSet<>();
        s.members().forEach(m -> q.ingredient(m.ingredient()).ifPresent(i -> bases.add(i.base())));
        TreeMap<Long, IngredientRow> left = new TreeMap<>();
        for (long candidate : candidates(s)) {
            IngredientRow now = line(candidate).getLast();
            if (now.isLive() && bases.contains(now.base())) {
                left.put(now.id(), now);
            }
        }
        return List.copyOf(left.values());
    }

    /** What a soup holds that is not among what a search chose it from; empty if none chose it. */
    public List<IngredientRow> beyond(SoupRow s) {
        if (selection(s).isEmpty()) {
            return List.of();
        }
        Set<Long> among = new HashSet<>();
        candidates(s).forEach(c -> line(c).forEach(i -> among.add(i.id())));
        return s.members().stream()
                .filter(m -> !among.contains(m.ingredient()))
                .map(m -> q.ingredient(m.ingredient()).orElseThrow())
                .toList();
    }

    /** An ingredient with those that were trained again in its place, the newest last. */
    public List<IngredientRow> line(long ingredient) {
        List<IngredientRow> line = new ArrayList<>();
        Optional<IngredientRow> next = q.ingredient(ingredient);
        while (next.isPresent()) {
            line.add(next.get());
            next = again(next.get());
        }
        return line;
    }

    /** What a withdrawal of pictures had trained again: appended with it, under the same name. */
    private Optional<IngredientRow> again(IngredientRow i) {
        if (i.withdrawn().isEmpty()) {
            return Optional.empty();
        }
        Entry w = q.entry(i.withdrawn().get());
        boolean isAgain =
                w.body().get(RETRAINED).isPresent()
                        ? Json.numbers(w.body(), RETRAINED).contains(i.id())
                        : !Json.objects(w.body(), "samples").isEmpty();
        Optional<Entry> e = isAgain ? q.find(w.seq() + 1) : Optional.empty();
        while (e.filter(x -> x.kind() == Kind.INGREDIENT).isPresent()) {
            Optional<IngredientRow> found =
                    q.ingredient(e.get().seq())
                            .filter(x -> x.name().equals(i.name()))
                            .filter(x -> x.base() == i.base() && x.shards().equals(i.shards()));
            if (found.isPresent()) {
                return found;
            }
            e = q.find(e.get().seq() + 1);
        }
        return Optional.empty();
    }
}
