package org.diffusionsoup.registry.check;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.weights.Choices;

/** Soups of which earlier versions recorded a choice that no search made. */
final class ChoiceCheck {
    private final Queries q;
    private final Choices choices;
    private final List<String> found = new ArrayList<>();

    private ChoiceCheck(Queries q) {
        this.q = q;
        this.choices = new Choices(q);
    }

    /** A sentence for each, of soups that are current or were handed out. */
    static List<String> of(Queries q) {
        ChoiceCheck c = new ChoiceCheck(q);
        Set<Long> handedOut = new HashSet<>();
        q.publications().forEach(p -> handedOut.add(p.soup()));
        for (SoupRow s : q.soups()) {
            if (s.isCurrent() || (handedOut.contains(s.id()) && s.withdrawn().isEmpty())) {
                c.bases(s);
                c.again(s);
            }
            if (s.isCurrent()) {
                c.untold(s);
                c.beyond(s);
            }
            q.publications(s.id()).forEach(p -> c.notAskedFor(s, p));
        }
        return c.found;
    }

    private void note(SoupRow s, String what) {
        found.add("soup " + s.label() + " " + what + "; make it again ('soup registry make')");
    }

    private void bases(SoupRow s) {
        Map<String, String> bases = new TreeMap<>();
        s.members()
                .forEach(m -> {
                    IngredientRow i = q.ingredient(m.ingredient()).orElseThrow();
                    bases.putIfAbsent(Json.string(q.entry(i.base()).body(), "name"), i.name());
                });
        if (bases.size() > 1) {
            note(
                    s,
                    "averages ingredients of different bases ("
                            + bases.entrySet().stream()
                                    .map(b -> b.getValue() + " of " + b.getKey())
                                    .collect(Collectors.joining(", "))
                            + ")");
        }
    }

    /** A soup that followed its shards as well, or a choice of which not all was said. */
    private void beyond(SoupRow s) {
        List<IngredientRow> beyond = choices.beyond(s);
        if (!beyond.isEmpty()) {
            note(
                    s,
                    "says that a search chose it, and holds what that did not choose among: "
                            + beyond.stream()
                                    .map(i -> "ingredient " + i.name())
                                    .collect(Collectors.joining(", ")));
        }
    }

    /** It was current when the candidate left, and stayed. */
    private void untold(SoupRow s) {
        for (IngredientRow i : choices.untold(s)) {
            note(
                    s,
                    "was chosen with a look at ingredient "
                            + i.name()
                            + ", which entry "
                            + i.withdrawn().orElseThrow()
                            + " withdrew, and does not say so");
        }
    }

    /**
     * A withdrawal lists where soups went, also those that were chosen with a look at what left.
     */
    private void notAskedFor(SoupRow s, PublicationRow p) {
        for (long candidate : choices.candidates(s)) {
            IngredientRow i = q.ingredient(candidate).orElseThrow();
            Optional<Entry> w = i.withdrawn().flatMap(q::find).filter(x -> x.seq() > p.id());
            if (w.filter(x -> !Json.numbers(x.body(), "publications").contains(p.id()))
                    .isPresent()) {
                found.add(
                        "publication %d of soup %s to %s is not listed by withdrawal %d, though the soup was chosen with a look at ingredient %s, which that withdrew; ask there for the soup"
                                .formatted(p.id(), s.label(), p.place(), w.get().seq(), i.name()));
            }
        }
    }

    /** A withdrawal searched among what now had the name of one that was retired. */
    private void again(SoupRow s) {
        Entry e = q.entry(s.id());
        if (e.body().get("withdrawal").isEmpty()
                || choices.selection(s).isEmpty()
                || choices.before(s).isEmpty()
                || choices.isKept(s)) {
            return;
        }
        Set<Long> before = new HashSet<>();
        choices.candidates(choices.before(s).get())
                .forEach(c -> choices.line(c).forEach(i -> before.add(i.id())));
        List<IngredientRow> others =
                choices.candidates(s).stream()
                        .filter(c -> !before.contains(c))
                        .map(c -> q.ingredient(c).orElseThrow())
                        .toList();
        if (!others.isEmpty()) {
            note(
                    s,
                    "was chosen again by withdrawal "
                            + Json.number(e.body(), "withdrawal")
                            + " among what the search before had not looked at: "
                            + others.stream()
                                    .map(i -> "ingredient " + i.name() + " of entry " + i.id())
                                    .collect(Collectors.joining(", ")));
        }
    }
}
