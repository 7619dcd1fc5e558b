package org.diffusionsoup.registry.check;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.registry.ledger.Dates;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.Descent;
import org.diffusionsoup.registry.weights.DescentLinks;

/** Entries that are dated after the last day of a shard that is in what they record. */
final class LateEntries {
    private LateEntries() {}

    /**
     * A sentence for each. A soup that a withdrawal of something else made anew is one of them if
     * the shard came newly into it, or it was chosen anew with a look at that.
     */
    static List<String> of(Queries q, WeightStore store) {
        List<ShardRow> lent = q.shards().stream().filter(s -> s.expires().isPresent()).toList();
        if (lent.isEmpty()) {
            return List.of();
        }
        Descent descent = DescentLinks.ofAll(q, store);
        Map<Long, List<PublicationRow>> handedOut = new HashMap<>();
        q.publications()
                .forEach(p -> handedOut.computeIfAbsent(p.soup(), k -> new ArrayList<>()).add(p));
        Set<Long> wrongDates = wrongDates(q);
        Choices choices = new Choices(q);
        List<String> late = new ArrayList<>();
        for (ShardRow s : lent) {
            LocalDate last = LocalDate.parse(s.expires().orElseThrow());
            Set<Long> of = descent.madeOf(List.of(s.id()));
            of.remove(s.id());
            Set<Long> all = new TreeSet<>(of);
            q.soups().stream()
                    .filter(x -> choices.isLookAt(x, Set.of(s.id()), of))
                    .forEach(x -> all.add(x.id()));
            for (long id : all) {
                Entry e = q.entry(id);
                String how =
                        of.contains(id)
                                ? "is in " + descent.where(s.id(), id)
                                : "was looked at when " + descent.label(id) + " was chosen";
                boolean carriedOn =
                        e.body().get("withdrawal").isPresent()
                                && q.soup(id)
                                        .filter(x -> isCarriedOn(x, choices, in(id, of, all)))
                                        .isPresent();
                if (!carriedOn && isAfter(e, last) && !wrongDates.contains(id)) {
                    late.add(sentence(e, descent.label(id), s, how));
                }
                for (PublicationRow p : handedOut.getOrDefault(id, List.of())) {
                    Entry published = q.entry(p.id());
                    if (isAfter(published, last) && !wrongDates.contains(published.seq())) {
                        late.add(
                                sentence(published, "publication of " + descent.label(id), s, how));
                    }
                }
            }
        }
        return late;
    }

    /** Whether a version says nothing of a shard that the one before it did not. */
    private static boolean isCarriedOn(SoupRow s, Choices choices, Set<Long> saidBefore) {
        boolean isChosen = choices.selection(s).isPresent();
        return choices.before(s).filter(b -> saidBefore.contains(b.id())).isPresent()
                && (!isChosen || choices.isKept(s));
    }

    /** Where something is in what a shard is in, that; otherwise also what was chosen by it. */
    private static Set<Long> in(long id, Set<Long> of, Set<Long> all) {
        return of.contains(id) ? of : all;
    }

    /** Those of which the next entry says that they are dated wrongly. */
    private static Set<Long> wrongDates(Queries q) {
        Set<Long> wrong = new HashSet<>();
        q.entries().forEach(e -> Dates.behind(e).ifPresent(wrong::add));
        return wrong;
    }

    private static boolean isAfter(Entry e, LocalDate last) {
        return Dates.day(e).isAfter(last);
    }

    private static String sentence(Entry e, String what, ShardRow s, String how) {
        return "entry "
                + e.seq()
                + " ("
                + what
                + ") is dated "
                + e.time()
                + ", and shard "
                + s.name()
                + ", whose last day was "
                + s.expires().orElseThrow()
                + ", "
                + how
                + (s.withdrawn().isPresent() ? "" : "; 'soup expire' takes it out");
    }
}
