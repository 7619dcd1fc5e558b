package org.diffusionsoup.registry.release;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** Why weights are not in the store that the ledger knows: told apart from damage. */
final class WhyGone {
    private WhyGone() {}

    /**
     * A sentence that says what ended the checkpoint.
     *
     * @return empty if something live has it, so that it should be there
     */
    static Optional<String> of(Queries q, String checkpoint) {
        if (NeededWeights.wanted(q, false).containsKey(checkpoint)) {
            return Optional.empty();
        }
        List<String> withdrawn = new ArrayList<>();
        for (BaseRow b : q.bases()) {
            if (b.checkpoint().equals(checkpoint)) {
                b.withdrawn()
                        .ifPresent(w -> withdrawn.add(withdrawn("Base '" + b.name() + "'", w)));
            }
        }
        List<String> retired = new ArrayList<>();
        for (IngredientRow i : q.ingredients()) {
            if (i.checkpoint().equals(checkpoint)) {
                String what = "Ingredient '" + i.name() + "'";
                i.withdrawn().ifPresent(w -> withdrawn.add(withdrawn(what, w)));
                i.retired()
                        .ifPresent(r ->
                                retired.add(
                                        what
                                                + " was retired (entry "
                                                + r
                                                + "), and no soup has its weights any more."));
            }
        }
        List<String> superseded = new ArrayList<>();
        for (SoupRow s : q.soups()) {
            if (s.checkpoint().equals(checkpoint)) {
                String what = "Soup " + s.label();
                s.withdrawn().ifPresent(w -> withdrawn.add(withdrawn(what, w)));
                s.superseded()
                        .ifPresent(by ->
                                superseded.add(
                                        what
                                                + " was superseded (entry "
                                                + by
                                                + "), and its weights were deleted ('soup gc"
                                                + " `superseded`'); 'soup registry make "
                                                + s.name()
                                                + " `from` …' makes them again of the ingredients"
                                                + " that 'soup lineage "
                                                + s.label()
                                                + "' names."));
            }
        }
        withdrawn.addAll(superseded);
        withdrawn.addAll(retired);
        return withdrawn.stream().findFirst();
    }

    /**
     * What was withdrawn with a checkpoint that nothing else has, such as {@code Ingredient 's2'
     * was withdrawn (entry 9)}: to be told also where its weights have come back into the store.
     */
    static Optional<String> withdrawn(Queries q, String checkpoint) {
        if (NeededWeights.wanted(q, true).containsKey(checkpoint)) {
            return Optional.empty();
        }
        List<String> all = new ArrayList<>();
        q.bases().stream()
                .filter(b -> b.checkpoint().equals(checkpoint))
                .forEach(b ->
                        b.withdrawn().ifPresent(w -> all.add(by("Base '" + b.name() + "'", w))));
        q.ingredients().stream()
                .filter(i -> i.checkpoint().equals(checkpoint))
                .forEach(i ->
                        i.withdrawn()
                                .ifPresent(w -> all.add(by("Ingredient '" + i.name() + "'", w))));
        q.soups().stream()
                .filter(s -> s.checkpoint().equals(checkpoint))
                .forEach(s -> s.withdrawn().ifPresent(w -> all.add(by("Soup " + s.label(), w))));
        return all.stream().findFirst();
    }

    private static String by(String what, long entry) {
        return what + " was withdrawn (entry " + entry + ")";
    }

    private static String withdrawn(String what, long entry) {
        return what
                + " was withdrawn (entry "
                + entry
                + "), and its weights are deleted; 'soup certificate "
                + entry
                + "' writes the certificate that says so.";
    }
}
