package org.diffusionsoup.registry.context;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.Descent;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.diffusionsoup.registry.weights.NewWeights;

/** Which shards may be used today, themselves and by way of what was made of them. */
public final class UsableShards {
    private final Calendar calendar;
    private final WeightStore store;

    UsableShards(Calendar calendar, WeightStore store) {
        this.calendar = calendar;
        this.store = store;
    }

    /**
     * A shard that is neither unknown, withdrawn nor expired.
     *
     * @throws RegistryException saying which it is
     */
    public ShardRow named(Queries q, String name) {
        ShardRow s = Names.shard(q, name);
        check(q, s);
        for (Entry w : q.entries(Kind.WITHDRAWAL)) { // a table may have been altered
            if (Json.numbers(w.body(), "shards").contains(s.id())) {
                throw new RegistryException(
                        "Shard '"
                                + s.name()
                                + "' was withdrawn by entry "
                                + w.seq()
                                + ", though the ledger's tables do not say so; see 'soup fsck'.");
            }
        }
        return s;
    }

    /**
     * A base that is neither unknown nor withdrawn, and that no shard which expired is in.
     *
     * @throws RegistryException saying which it is
     */
    public BaseRow base(Queries q, String name) {
        BaseRow b = Names.base(q, name);
        refuseExpired(q, List.of(b.id()));
        return b;
    }

    private void check(Queries q, ShardRow s) {
        if (s.withdrawn().isPresent()) {
            throw new RegistryException(
                    "Shard '" + s.name() + "' was withdrawn (entry " + s.withdrawn().get() + ").");
        }
        if (isExpired(s, calendar.today(q))) {
            throw expired(s, "");
        }
        if (q.withdrawnPictures().containsKey(s.id())
                && q.samples(s.id()).stream().allMatch(x -> x.withdrawn().isPresent())) {
            throw new RegistryException(
                    "Nothing is left of shard '"
                            + s.name()
                            + "': every picture of it was withdrawn; withdraw it as a whole ('soup"
                            + " withdraw "
                            + s.name()
                            + "').");
        }
    }

    /** Live ones whose last day is over. */
    public List<ShardRow> over(Queries q) {
        LocalDate today = calendar.today(q);
        return q.shards().stream()
                .filter(s -> s.withdrawn().isEmpty() && isExpired(s, today))
                .toList();
    }

    /**
     * Refuses recorded things that a shard which expired is in by whatever way: what {@code soup
     * expire} would take out with it.
     *
     * @param entries of bases, ingredients or soups
     * @throws RegistryException naming the shard, its last day and the way
     */
    public void refuseExpired(Queries q, Collection<Long> entries) {
        refuseExpired(q, entries, Set.of());
    }

    /**
     * The same, but for shards that are just being taken out.
     *
     * @param leaving their entries
     */
    public void refuseExpired(Queries q, Collection<Long> entries, Set<Long> leaving) {
        List<ShardRow> over = new ArrayList<>(over(q));
        over.removeIf(s -> leaving.contains(s.id()));
        if (over.isEmpty()) {
            return; // and what came of what need not be looked up
        }
        Descent descent = DescentLinks.ofLive(q, store);
        for (ShardRow s : over) {
            for (long entry : entries) {
                if (descent.behind(List.of(entry)).contains(s.id())) {
                    throw expired(s, " and is in " + descent.where(s.id(), entry));
                }
            }
        }
    }

    /**
     * Refuses weights that are not recorded yet and hold what a shard which expired is in, or were
     * made of it by their own recipe.
     *
     * @param what such as {@code base third}
     * @throws RegistryException naming the shard, its last day and the way
     */
    public void refuseExpired(Queries q, String what, NewWeights weights) {
        List<ShardRow> over = over(q);
        if (over.isEmpty()) {
            return;
        }
        Descent descent = DescentLinks.ofLive(q, store);
        for (ShardRow s : over) {
            Optional<NewWeights.Source> source = weights.madeOf(q, descent.madeOf(List.of(s.id())));
            if (source.isPresent()) {
                throw expired(
                        s,
                        " and is in "
                                + what
                                + ", which "
                                + source.get().why()
                                + descent.way(s.id(), source.get().entry())
                                        .map(way -> ", " + way)
                                        .orElse(""));
            }
        }
    }

    /**
     * Refuses a soup that was chosen with a look at a shard which expired, or at what that is in by
     * whatever way: its choice leaves with that, too.
     *
     * @throws RegistryException naming the shard, its last day and the way
     */
    public void refuseChosen(Queries q, SoupRow soup) {
        List<ShardRow> over = over(q);
        List<Long> candidates = over.isEmpty() ? List.of() : new Choices(q).candidates(soup);
        String chosen = ", and soup " + soup.label() + " was chosen with a look at ";
        for (ShardRow s : over) {
            if (soup.selectedAmong().contains(s.id())) {
                throw expired(s, chosen + "it");
            }
        }
        if (candidates.isEmpty()) {
            return;
        }
        Descent descent = DescentLinks.ofLive(q, store);
        for (ShardRow s : over) {
            for (long candidate : candidates) {
                if (descent.behind(List.of(candidate)).contains(s.id())) {
                    throw expired(s, chosen + descent.where(s.id(), candidate));
                }
            }
        }
    }

    private static RegistryException expired(ShardRow s, String where) {
        return new RegistryException(
                "Shard '"
                        + s.name()
                        + "' expired on "
                        + s.expires().orElse("")
                        + where
                        + "; 'soup expire' takes it out.");
    }

    /** Names of live ones whose last day is over. */
    public List<String> expired(Queries q) {
        return over(q).stream().map(ShardRow::name).toList();
    }

    private static boolean isExpired(ShardRow s, LocalDate today) {
        return s.expires().isPresent() && LocalDate.parse(s.expires().get()).isBefore(today);
    }
}
