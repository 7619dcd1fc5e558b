package org.diffusionsoup.registry.weights;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

/** Finds what came of what; see {@link Descent}. */
public final class DescentLinks {
    /**
     * A base, an ingredient or a soup.
     *
     * @param withdrawn with what it holds; not so is a soup that left for its choice alone
     */
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

    private final Queries q;
    private final HeldWeights.Reader reader;
    private final boolean all;
    private final List<BaseRow> bases;
    private final Descent found = new Descent();
    private final Set<Long> ingredients = new HashSet<>();
    private final List<Thing> things = new ArrayList<>();
    private final Map<Long, WeightsThatLeave> single = new HashMap<>();

    private DescentLinks(Queries q, WeightStore store, boolean all) {
        this.q = q;
        this.reader = new HeldWeights.Reader(store);
        this.all = all;
        this.bases = q.bases();
    }

    /**
     * Of everything that is not withdrawn, and of soups that left for their choice alone: what was
     * made of these holds what they held.
     */
    public static Descent ofLive(Queries q, WeightStore store) {
        return new DescentLinks(q, store, false).build();
    }

    /**
     * Of everything that ever was. What was withdrawn is known by the hashes that its withdrawal
     * states.
     */
    public static Descent ofAll(Queries q, WeightStore store) {
        return new DescentLinks(q, store, true).build();
    }

    private Descent build() {
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
            found.name(s.id(), "shard " + s.name());
        }
        for (BaseRow b : bases) {
            found.name(b.id(), "base " + b.name());
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
            found.name(i.id(), "ingredient " + i.name());
            ingredients.add(i.id());
            keep(
                    new Thing(
                            i.id(),
                            i.checkpoint(),
                            Optional.empty(),
                            Optional.of(i),
                            Optional.empty(),
                            i.withdrawn().isPresent()));
        }
        Set<Long> leftForTheirChoice = new HashSet<>();
        q.soupsLeftForTheirChoice().forEach(s -> leftForTheirChoice.add(s.id()));
        for (SoupRow s : q.soups()) {
            found.name(s.id(), "soup " + s.label());
            keep(
                    new Thing(
                            s.id(),
                            s.checkpoint(),
                            Optional.empty(),
                            Optional.empty(),
                            Optional.of(s),
                            s.withdrawn().isPresent() && !leftForTheirChoice.contains(s.id())));
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
                        reader.remember(t.checkpoint(), hashes.getOrDefault(t.entry(), Set.of())));
    }

    /** What the ledger says. */
    private void stated() {
        for (Thing t : things) {
            t.ingredient()
                    .ifPresent(i -> {
                        i.shards().forEach(s -> link(s, t, "trained on "));
                        link(i.base(), t, "made from ");
                    });
            t.soup().ifPresent(s -> s.members().forEach(m -> link(m.ingredient(), t, "holds ")));
        }
    }

    private void link(long from, Thing to, String how) {
        found.add(new Descent.Link(from, to.entry(), how + found.label(from), false));
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
            if (!found.behind(List.of(t.entry())).contains(c.entry()) && !isOf(c, t)) {
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
                                                        .flatMap(i -> leaving(c).namedBy(q, i)))));
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

    /**
     * Whether a soup or a base came of nothing but one ingredient and what that came of: then the
     * ingredient is not its copy, and leaves before it.
     */
    private boolean isOf(Thing c, Thing t) {
        if (c.ingredient().isPresent() || t.ingredient().isEmpty()) {
            return false;
        }
        Set<Long> behind = found.behind(List.of(c.entry()));
        boolean isMember = behind.contains(t.entry());
        behind.retainAll(ingredients);
        behind.removeAll(found.behind(List.of(t.entry())));
        return isMember && behind.isEmpty();
    }

    private boolean isKnown(Thing from, Thing to) {
        return found.from(to.entry()).stream().anyMatch(l -> l.from() == from.entry());
    }

    private void link(Thing from, Thing to, Optional<String> why) {
        why.ifPresent(w -> found.add(new Descent.Link(from.entry(), to.entry(), w, true)));
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
