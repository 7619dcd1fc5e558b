package org.diffusionsoup.registry.weights;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * What came of what, at one state of the ledger: shards, bases, ingredients and soups, by the rules
 * by which a withdrawal finds what leaves with something. An ingredient comes of its shards and its
 * base; a soup of its ingredients; a base or an ingredient also of whatever it is a copy of, or was
 * made of by its own recipe ({@link WeightsThatLeave}). So a shard is in a soup that was trained
 * from a base which is a soup that holds it.
 */
public final class Descent {
    /**
     * That one thing came of another, directly.
     *
     * @param from entry of the other
     * @param to entry of the one
     * @param why in words with the one as their subject, such as {@code trained on shard acme}
     * @param byWeights whether that shows by its weights or its recipe; otherwise the ledger says
     *     so
     */
    public record Link(long from, long to, String why, boolean byWeights) {}

    /** A base, an ingredient or a soup. */
    private record Thing(
            long entry,
            String checkpoint,
            Optional<BaseRow> base,
            Optional<IngredientRow> ingredient,
            Optional<SoupRow> soup,
            boolean withdrawn) {
        /** Of what a base had before this nothing was made of it. */
        long since() {
            return soup.map(WeightsThatLeave::since).orElse(entry);
        }
    }

    private final Map<Long, String> labels = new HashMap<>();
    private final Map<Long, List<Link>> into = new TreeMap<>();
    private final Map<Long, List<Link>> outOf = new HashMap<>();

    private Descent() {}

    /** Of everything that is not withdrawn. */
    public static Descent ofLive(Queries q, WeightStore store) {
        return new Builder(q, store, false).build();
    }

    /**
     * Of everything that ever was. What was withdrawn is known by the hashes that its withdrawal
     * states.
     */
    public static Descent ofAll(Queries q, WeightStore store) {
        return new Builder(q, store, true).build();
    }

    /** Everything that came directly of something, by entries. */
    public List<Link> links() {
        return into.values().stream().flatMap(List::stream).toList();
    }

    /** Entries of all that came of some, directly or not, and these themselves. */
    public Set<Long> madeOf(Collection<Long> entries) {
        Set<Long> found = new TreeSet<>(entries);
        Deque<Long> open = new ArrayDeque<>(found);
        while (!open.isEmpty()) {
            for (Link l : outOf.getOrDefault(open.remove(), List.of())) {
                if (found.add(l.to())) {
                    open.add(l.to());
                }
            }
        }
        return found;
    }

    /** Entries of all that some came of, directly or not, and these themselves. */
    public Set<Long> behind(Collection<Long> entries) {
        return behind(entries, l -> true);
    }

    /**
     * The same without what ingredients are copies of: the same weights may have been recorded
     * wrongly before, and rightly since.
     */
    public Set<Long> behindBases(Collection<Long> entries) {
        return behind(entries, l -> !l.byWeights() || label(l.to()).startsWith("base "));
    }

    private Set<Long> behind(Collection<Long> entries, Predicate<Link> counts) {
        Set<Long> found = new TreeSet<>(entries);
        Deque<Long> open = new ArrayDeque<>(found);
        while (!open.isEmpty()) {
            for (Link l : into.getOrDefault(open.remove(), List.of())) {
                if (counts.test(l) && found.add(l.from())) {
                    open.add(l.from());
                }
            }
        }
        return found;
    }

    /**
     * In what one thing is, and by what way where the ledger does not say that by itself: such as
     * {@code soup a@1}, or {@code ingredient b through base second, which has the same weights as
     * soup a@1}.
     */
    public String where(long from, long to) {
        List<Link> steps = steps(from, to);
        if (steps.isEmpty() || steps.getLast().to() != to) {
            return label(to) + (steps.isEmpty() ? "" : " " + through(steps));
        }
        List<Link> before = steps.subList(0, steps.size() - 1);
        return named(steps.getLast()) + (before.isEmpty() ? "" : ", " + through(before));
    }

    /**
     * By what way, as {@link #where} says it.
     *
     * @return empty if there is nothing to say, as for an ingredient's own shard
     */
    public Optional<String> way(long from, long to) {
        return Optional.of(steps(from, to)).filter(s -> !s.isEmpty()).map(this::through);
    }

    private String through(List<Link> steps) {
        return "through " + String.join(", and through ", steps.stream().map(this::named).toList());
    }

    private String named(Link l) {
        return label(l.to()) + ", which " + verb(l.why());
    }

    /** A reason with its verb. */
    static String verb(String why) {
        return why.startsWith("made of ") ? "was " + why : why;
    }

    /** Those of the shortest way that show by weights or recipes. */
    private List<Link> steps(long from, long to) {
        Map<Long, Link> came = new HashMap<>();
        Deque<Long> open = new ArrayDeque<>(List.of(from));
        while (!open.isEmpty() && !came.containsKey(to)) {
            for (Link l : outOf.getOrDefault(open.remove(), List.of())) {
                if (l.to() != from && came.putIfAbsent(l.to(), l) == null) {
                    open.add(l.to());
                }
            }
        }
        List<Link> steps = new ArrayList<>();
        for (Link l = came.get(to); l != null; l = came.get(l.from())) {
            if (l.byWeights()) {
                steps.addFirst(l);
            }
        }
        return steps;
    }

    /** What something is called, such as {@code base second} or {@code soup everyone@1}. */
    public String label(long entry) {
        return labels.getOrDefault(entry, "entry " + entry);
    }

    private void add(Link l) {
        into.computeIfAbsent(l.to(), k -> new ArrayList<>()).add(l);
        outOf.computeIfAbsent(l.from(), k -> new ArrayList<>()).add(l);
    }

    /** Finds the links. */
    private static final class Builder {
        private final Queries q;
        private final HeldWeights.Reader reader;
        private final boolean all;
        private final List<BaseRow> bases;
        private final Descent found = new Descent();
        private final List<Thing> things = new ArrayList<>();
        private final Map<Long, WeightsThatLeave> single = new HashMap<>();

        Builder(Queries q, WeightStore store, boolean all) {
            this.q = q;
            this.reader = new HeldWeights.Reader(store);
            this.all = all;
            this.bases = q.bases();
        }

        Descent build() {
            collect();
            if (all) {
                rememberWithdrawn();
            }
            stated();
            Map<String, List<Thing>> holders = holders();
            for (Thing t : things) {
                if (t.soup().isEmpty()) {
                    byWeights(t, holders);
                }
            }
            return found;
        }

        private void collect() {
            for (ShardRow s : q.shards()) {
                found.labels.put(s.id(), "shard " + s.name());
            }
            for (BaseRow b : bases) {
                found.labels.put(b.id(), "base " + b.name());
                keep(
                        new Thing(
                                b.id(),
                                b.checkpoint(),
                                Optional.of(b),
                                Optional.empty(),
                                Optional.empty(),
                                b.withdrawn().isPresent()));
            }
            for (IngredientRow i : q.ingredients()) {
                found.labels.put(i.id(), "ingredient " + i.name());
                keep(
                        new Thing(
                                i.id(),
                                i.checkpoint(),
                                Optional.empty(),
                                Optional.of(i),
                                Optional.empty(),
                                i.withdrawn().isPresent()));
            }
            for (SoupRow s : q.soups()) {
                found.labels.put(s.id(), "soup " + s.label());
                keep(
                        new Thing(
                                s.id(),
                                s.checkpoint(),
                                Optional.empty(),
                                Optional.empty(),
                                Optional.of(s),
                                s.withdrawn().isPresent()));
            }
        }

        private void keep(Thing t) {
            if (all || !t.withdrawn()) {
                things.add(t);
            }
        }

        /** The store has forgotten what was withdrawn; the ledger states hashes of it. */
        private void rememberWithdrawn() {
            Map<Long, Set<String>> hashes = new HashMap<>();
            for (Entry w : q.entries(Kind.WITHDRAWAL)) {
                if (w.body().get(WeightsThatLeave.WEIGHTS).isPresent()) {
                    for (JsonObject o : Json.objects(w.body(), WeightsThatLeave.WEIGHTS)) {
                        hashes.put(Json.number(o, "entry"), Set.copyOf(Json.strings(o, "sha256")));
                    }
                }
            }
            things.stream()
                    .filter(Thing::withdrawn)
                    .forEach(t ->
                            reader.remember(
                                    t.checkpoint(), hashes.getOrDefault(t.entry(), Set.of())));
        }

        /** What the ledger says. */
        private void stated() {
            for (Thing t : things) {
                t.ingredient()
                        .ifPresent(i -> {
                            i.shards().forEach(s -> link(s, t, "trained on "));
                            link(i.base(), t, "made from ");
                        });
                t.soup()
                        .ifPresent(
                                s -> s.members().forEach(m -> link(m.ingredient(), t, "holds ")));
            }
        }

        private void link(long from, Thing to, String how) {
            found.add(new Link(from, to.entry(), how + found.label(from), false));
        }

        /**
         * Who has a hash that may make others its copies: a first look, which leaves few to be
         * compared.
         */
        private Map<String, List<Thing>> holders() {
            Map<Long, Set<String>> ofBases = new HashMap<>();
            for (BaseRow b : bases) {
                Set<String> hashes = reader.of(q, b.id(), b.checkpoint()).all();
                hashes.addAll(reader.contents(q, b.id(), b.checkpoint()));
                ofBases.put(b.id(), hashes);
            }
            Map<String, List<Thing>> holders = new HashMap<>();
            for (Thing t : things) {
                Set<String> own = reader.of(q, t.entry(), t.checkpoint()).all();
                own.addAll(reader.contents(q, t.entry(), t.checkpoint()));
                for (BaseRow b : bases) {
                    if (b.id() < t.since()) {
                        own.removeAll(ofBases.getOrDefault(b.id(), Set.of()));
                    }
                }
                own.forEach(h -> holders.computeIfAbsent(h, k -> new ArrayList<>()).add(t));
            }
            return holders;
        }

        private void byWeights(Thing t, Map<String, List<Thing>> holders) {
            HeldWeights held = reader.of(q, t.entry(), t.checkpoint());
            Set<String> named = new HashSet<>();
            t.base().ifPresent(b -> named.addAll(reader.origin(b).named()));
            t.ingredient().ifPresent(i -> named.addAll(reader.origin(q, i).named()));
            Set<String> hashes = held.all();
            hashes.addAll(held.others().values());
            hashes.addAll(reader.contents(q, t.entry(), t.checkpoint()));
            hashes.addAll(named);
            Map<Thing, Set<String>> shared = new LinkedHashMap<>();
            for (String h : hashes) {
                for (Thing c : holders.getOrDefault(h, List.of())) {
                    if (c.entry() != t.entry() && !isKnown(c, t)) {
                        shared.computeIfAbsent(c, k -> new HashSet<>()).add(h);
                    }
                }
            }
            List<Thing> candidates = new ArrayList<>();
            shared.forEach((c, in) -> {
                if (mayHaveMade(c, t, in, named)) {
                    candidates.add(c);
                }
            });
            // A copy of what was withdrawn was withdrawn with it; what is live is none of it. What
            // is the very same comes first: the rest may be behind that.
            List<Thing> copied = new ArrayList<>(candidates);
            copied.removeIf(c -> c.withdrawn() != t.withdrawn());
            copied.sort(Comparator.comparing(c -> !c.checkpoint().equals(t.checkpoint())));
            for (Thing c : copied) {
                if (!found.behind(List.of(t.entry())).contains(c.entry())) {
                    link(c, t, leaving(c).copyOf(q, t.entry(), t.checkpoint()));
                }
            }
            // The recipe of a soup's copy names what the soup is made of, which is known by that.
            Set<Long> behind = found.behind(List.of(t.entry()));
            candidates.stream()
                    .filter(c -> !behind.contains(c.entry()))
                    .forEach(c ->
                            link(
                                    c,
                                    t,
                                    t.base()
                                            .flatMap(leaving(c)::namedBy)
                                            .or(() ->
                                                    t.ingredient()
                                                            .flatMap(i ->
                                                                    leaving(c).namedBy(q, i)))));
        }

        /**
         * Whether more is shared than what a base had in another number format, which costs reading
         * both; each hash is looked at once.
         */
        private boolean mayHaveMade(Thing c, Thing t, Set<String> shared, Set<String> named) {
            HeldWeights held = reader.of(q, c.entry(), c.checkpoint());
            HeldWeights other = reader.of(q, t.entry(), t.checkpoint());
            if (c.checkpoint().equals(t.checkpoint())
                    || held.tensors().isEmpty()
                    || other.tensors().isEmpty()
                    || !Collections.disjoint(shared, named)) {
                return true;
            }
            Set<String> left = new HashSet<>(shared);
            left.retainAll(held.all());
            for (BaseRow b : bases) {
                if (b.id() < c.since() && !left.isEmpty()) {
                    left.removeAll(reader.inheritedOnce(left, c.checkpoint(), b.checkpoint()));
                }
            }
            return !left.isEmpty();
        }

        private boolean isKnown(Thing from, Thing to) {
            return found.into.getOrDefault(to.entry(), List.of()).stream()
                    .anyMatch(l -> l.from() == from.entry());
        }

        private void link(Thing from, Thing to, Optional<String> why) {
            why.ifPresent(w -> found.add(new Link(from.entry(), to.entry(), w, true)));
        }

        /** What would leave if one thing did. */
        private WeightsThatLeave leaving(Thing one) {
            return single.computeIfAbsent(
                    one.entry(),
                    k -> {
                        WeightsThatLeave w = new WeightsThatLeave(reader);
                        one.base().ifPresent(b -> w.add(q, b));
                        one.ingredient().ifPresent(i -> w.add(q, i));
                        one.soup().ifPresent(s -> w.add(q, s));
                        return w;
                    });
        }
    }
}
