package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.diffusionsoup.registry.weights.WeightsThatLeave;
import org.diffusionsoup.registry.withdraw.Withdrawn.HandedOut;

/** Finds what leaves with what was named, at one state of the ledger. */
final class Planner {
    private final Queries q;
    private final WithdrawRequest request;
    private final WeightsThatLeave weights;

    /** They are out, and what was made of them is not. */
    private final List<SoupRow> leftForTheirChoice;

    private final List<IngredientRow> gone = new ArrayList<>();
    private final List<IngredientRow> retrained = new ArrayList<>();
    private final List<BaseRow> bases = new ArrayList<>();

    /** Pictures that were withdrawn before, with the entries of the withdrawals. */
    private final TreeMap<String, Long> before = new TreeMap<>();

    /** By entry. */
    private final Map<Long, SoupRow> soups = new TreeMap<>();

    /** Why something leaves that was neither trained on nor made from what was named, by entry. */
    private final Map<Long, String> copies = new HashMap<>();

    private Planner(Queries q, WithdrawRequest request, WeightsThatLeave weights) {
        this.q = q;
        this.request = request;
        this.weights = weights;
        this.leftForTheirChoice = q.soupsLeftForTheirChoice();
    }

    /**
     * Finds what leaves.
     *
     * @throws RegistryException if something named is unknown or already out
     */
    static Plan plan(Queries q, WithdrawRequest request, WeightStore store) {
        return new Planner(q, request, new WeightsThatLeave(store)).plan();
    }

    /** The same anew, at a later state of the ledger; the store is not read again. */
    static Plan plan(Queries q, WithdrawRequest request, Plan before) {
        return new Planner(q, request, before.weights().again()).plan();
    }

    private Plan plan() {
        List<ShardRow> shards = shards();
        Set<Long> whole = new HashSet<>(shards.stream().map(ShardRow::id).toList());
        List<SampleRow> samples = samples(whole);
        if (shards.isEmpty() && samples.isEmpty()) {
            throw new RegistryException("Nothing to withdraw was named.");
        }
        Set<Long> touched = new HashSet<>(samples.stream().map(SampleRow::shard).toList());
        List<Long> seen = new ArrayList<>(whole);
        seen.addAll(touched);
        addTrained(whole, touched);
        refuseEmptied(samples);
        do {
            addMade();
        } while (addCopies());
        // Of those that only looked at the data, older versions need not be marked.
        Choices choices = new Choices(q);
        List<SoupRow> chosen =
                q.soups().stream()
                        .filter(SoupRow::isCurrent)
                        .filter(s -> choices.isLookAt(s, seen, ingredients()))
                        .toList();
        chosen.forEach(s -> soups.put(s.id(), s));
        return new Plan(
                shards,
                samples,
                before,
                gone,
                retrained,
                bases,
                List.copyOf(soups.values()),
                chosen,
                handedOut(seen),
                weights,
                Departures.of(
                        q,
                        whole,
                        touched,
                        samples,
                        gone,
                        retrained,
                        bases,
                        soups.values(),
                        copies));
    }

    private List<ShardRow> shards() {
        List<ShardRow> shards = new ArrayList<>();
        for (String name : new TreeSet<>(request.shards())) {
            ShardRow s = Names.shard(q, name);
            if (s.withdrawn().isPresent()) {
                throw new RegistryException(
                        "Shard '"
                                + name
                                + "' was withdrawn before (entry "
                                + certified(s.withdrawn().get()));
            }
            shards.add(s);
        }
        return shards;
    }

    /**
     * The single pictures, wherever they are but in shards that leave whole. Those that were
     * withdrawn before are passed over where others are new: a list that grows may be given again.
     */
    private List<SampleRow> samples(Set<Long> whole) {
        Map<Long, ShardRow> live = new HashMap<>();
        q.shards().stream().filter(s -> s.withdrawn().isEmpty()).forEach(s -> live.put(s.id(), s));
        List<SampleRow> samples = new ArrayList<>();
        for (String sha : new TreeSet<>(request.samples())) {
            List<SampleRow> found =
                    q.samples(sha).stream()
                            .filter(s -> s.withdrawn().isEmpty() && live.containsKey(s.shard()))
                            .toList();
            if (found.isEmpty()) {
                long entry =
                        q.withdrawnSamples(List.of(sha)).stream()
                                .flatMap(s -> s.withdrawn().stream())
                                .max(Long::compare)
                                .orElseThrow(() ->
                                        unknownPicture(
                                                sha,
                                                live.values().stream()
                                                        .map(ShardRow::source)
                                                        .sorted()
                                                        .toList()));
                before.put(sha, entry);
            }
            found.stream().filter(s -> !whole.contains(s.shard())).forEach(samples::add);
        }
        if (whole.isEmpty() && !before.isEmpty() && before.size() == request.samples().size()) {
            Map.Entry<String, Long> first = before.firstEntry();
            throw new RegistryException(
                    (before.size() == 1
                                    ? "No live shard has a sample with the SHA-256 "
                                            + first.getKey()
                                            + ": it was"
                                    : "No live shard has any of the "
                                            + before.size()
                                            + " pictures that are named: they were")
                            + " withdrawn before (entry "
                            + certified(before.values().stream().max(Long::compare).orElseThrow()));
        }
        return samples;
    }

    /** The end of a sentence about a withdrawal that was done. */
    private static String certified(long withdrawal) {
        return withdrawal
                + "); 'soup certificate "
                + withdrawal
                + "' writes the certificate that says so.";
    }

    private RegistryException unknownPicture(String sha, List<String> live) {
        return new RegistryException(
                "No live shard has a sample with the SHA-256 "
                        + sha
                        + ". It is that of the picture as the shard holds it: 'soup data import'"
                        + " stores pictures anew, so the hash of the file that was imported is"
                        + " another; 'soup data inspect SHARD `rows` N `json`' lists each row's key,"
                        + " caption and sha256"
                        + (live.isEmpty() ? "." : " (SHARD such as " + live.getFirst() + ")."));
    }

    /** Ingredients that were trained on what was named. */
    private void addTrained(Set<Long> whole, Set<Long> touched) {
        for (IngredientRow i : q.ingredients()) {
            if (i.withdrawn().isPresent()) {
                continue;
            }
            boolean hasWhole = i.shards().stream().anyMatch(whole::contains);
            boolean hasSome = i.shards().stream().anyMatch(touched::contains);
            // What learnt from a whole shard that leaves goes; trained on several shards, it could
            // be trained again on the others, but then it is another ingredient, to be added.
            boolean isRetired = i.retired().isPresent();
            if (hasWhole || (hasSome && (isRetired || request.retrainer().isEmpty()))) {
                gone.add(i);
            } else if (hasSome) {
                retrained.add(i);
            }
        }
    }

    /** Nothing can be trained again on a shard of which no picture is left. */
    private void refuseEmptied(List<SampleRow> samples) {
        for (ShardRow s : q.shards()) {
            long named = samples.stream().filter(x -> x.shard() == s.id()).count();
            boolean emptied =
                    named > 0
                            && named
                                    == q.samples(s.id()).stream()
                                            .filter(x -> x.withdrawn().isEmpty())
                                            .count();
            if (emptied && retrained.stream().anyMatch(i -> i.shards().contains(s.id()))) {
                throw new RegistryException(
                        "Of shard '"
                                + s.name()
                                + "' "
                                + (named == 1 ? "the one picture" : "all " + named + " pictures")
                                + " that "
                                + (named == 1 ? "is" : "are")
                                + " left would leave, so that nothing could be trained again on it;"
                                + " nothing was withdrawn. Withdraw it as a whole: 'soup withdraw "
                                + s.name()
                                + "'.");
            }
        }
    }

    /** Soups that were made of ingredients that leave. */
    private void addMade() {
        gone.forEach(i -> weights.add(q, i));
        retrained.forEach(i -> weights.add(q, i));
        for (SoupRow s : q.soupsWith(ingredients())) {
            soups.put(s.id(), s);
            weights.add(q, s);
        }
        leftForTheirChoice.stream().filter(this::holdsWhatLeaves).forEach(s -> weights.add(q, s));
    }

    private boolean holdsWhatLeaves(SoupRow s) {
        List<Long> leaving = ingredients();
        return s.members().stream().anyMatch(m -> leaving.contains(m.ingredient()));
    }

    private List<Long> ingredients() {
        List<Long> leaving = new ArrayList<>();
        gone.forEach(i -> leaving.add(i.id()));
        retrained.forEach(i -> leaving.add(i.id()));
        return leaving;
    }

    /**
     * What holds the weights that leave under another name leaves too, and so does what was made
     * from a base that does, or of them by its own recipe.
     *
     * @return whether there was anything
     */
    private boolean addCopies() {
        int before = gone.size() + bases.size();
        for (BaseRow b : q.bases()) {
            if (b.withdrawn().isEmpty() && !bases.contains(b)) {
                Optional<String> why =
                        weights.copyOf(q, b.id(), b.checkpoint()).or(() -> weights.namedBy(b));
                if (why.isPresent()) {
                    bases.add(b);
                    copies.put(b.id(), why.get());
                    weights.add(q, b);
                }
            }
        }
        Map<Long, String> names = new HashMap<>();
        bases.forEach(b -> names.put(b.id(), b.name()));
        for (IngredientRow i : q.ingredients()) {
            boolean stays = i.withdrawn().isEmpty() && !gone.contains(i) && !retrained.contains(i);
            Optional<String> why =
                    !stays
                            ? Optional.empty()
                            : names.containsKey(i.base())
                                    ? Optional.of(madeFrom(names, i))
                                    : weights.copyOf(q, i.id(), i.checkpoint())
                                            .or(() -> weights.namedBy(q, i));
            if (why.isPresent()) {
                gone.add(i);
                copies.put(i.id(), why.get());
            }
        }
        for (IngredientRow i : List.copyOf(retrained)) {
            if (names.containsKey(i.base())) {
                retrained.remove(i);
                gone.add(i);
                copies.put(i.id(), madeFrom(names, i));
            }
        }
        return gone.size() + bases.size() > before;
    }

    private static String madeFrom(Map<Long, String> bases, IngredientRow i) {
        return "made from base " + bases.get(i.base());
    }

    /**
     * Where soups went that ever held what leaves, in any version and by whatever way, also those
     * that an earlier withdrawal ended: for what leaves now they have to be asked for as well.
     *
     * @param shards those that leave, whole or in part
     */
    private List<HandedOut> handedOut(List<Long> shards) {
        List<PublicationRow> all = q.publications();
        if (all.isEmpty()) {
            return List.of();
        }
        Set<Long> ever = new HashSet<>(ingredients());
        q.ingredients().stream()
                .filter(i -> i.shards().stream().anyMatch(shards::contains))
                .forEach(i -> ever.add(i.id()));
        Set<Long> made = DescentLinks.ofAll(q, weights.store()).madeOf(shards);
        ever.addAll(made);
        Choices choices = new Choices(q);
        Map<Long, SoupRow> held = new HashMap<>();
        q.soups().stream()
                .filter(s ->
                        made.contains(s.id())
                                || s.members().stream().anyMatch(m -> ever.contains(m.ingredient()))
                                || choices.isLookAt(s, shards, ever))
                .forEach(s -> held.put(s.id(), s));
        List<HandedOut> list = new ArrayList<>();
        for (PublicationRow p : all) {
            SoupRow s = held.get(p.soup());
            if (s != null) {
                list.add(new HandedOut(p.id(), s.label(), p.place()));
            }
        }
        return list;
    }
}
