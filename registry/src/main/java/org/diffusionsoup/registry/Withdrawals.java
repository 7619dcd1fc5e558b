package org.diffusionsoup.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.SoupMaker.Made;
import org.diffusionsoup.registry.Soups.Draft;
import org.diffusionsoup.registry.Soups.NamedMember;
import org.diffusionsoup.registry.Soups.Overtaken;
import org.diffusionsoup.registry.WithdrawRequest.Choice;
import org.diffusionsoup.registry.WithdrawRequest.Reselection;
import org.diffusionsoup.registry.WithdrawRequest.Reselector;
import org.diffusionsoup.registry.WithdrawRequest.Retraining;
import org.diffusionsoup.registry.Withdrawn.HandedOut;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.BaseRow;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.PublicationRow;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.near.NearDuplicates;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.WeightsThatLeave;

/**
 * Takes data out with everything made of it. The new soups are made first; then one transaction
 * marks what leaves and names what replaces it, and only then are weights deleted. Killed before
 * the transaction, nothing has happened; after it, the rest is garbage for the collector.
 */
final class Withdrawals {
    private final Registry registry;
    private final WeightStore store;
    private final Soups soups;

    Withdrawals(Registry registry) {
        this.registry = registry;
        this.store = registry.store();
        this.soups = new Soups(registry);
    }

    /** What leaves, at one state of the ledger. */
    private record Scope(
            List<ShardRow> shards,
            List<SampleRow> samples,
            List<IngredientRow> gone,
            List<IngredientRow> retrained,
            List<BaseRow> bases,
            List<SoupRow> soups,
            List<HandedOut> publications,
            WeightsThatLeave weights,
            List<Gone> all) {
        /** What must not have changed until the transaction. */
        private List<Set<Long>> ids() {
            return List.of(
                    ids(shards.stream().map(ShardRow::id).toList()),
                    ids(gone.stream().map(IngredientRow::id).toList()),
                    ids(retrained.stream().map(IngredientRow::id).toList()),
                    ids(bases.stream().map(BaseRow::id).toList()),
                    ids(soups.stream().filter(SoupRow::isCurrent).map(SoupRow::id).toList()));
        }

        /** Whether any weights are there to be deleted. */
        private boolean isIn(WeightStore store) {
            return Stream.of(
                            gone.stream().map(IngredientRow::checkpoint),
                            retrained.stream().map(IngredientRow::checkpoint),
                            bases.stream().map(BaseRow::checkpoint),
                            soups.stream().map(SoupRow::checkpoint))
                    .flatMap(ids -> ids)
                    .anyMatch(store::has);
        }

        private static Set<Long> ids(List<Long> list) {
            return new TreeSet<>(list);
        }
    }

    Withdrawn withdraw(WithdrawRequest request) {
        if (request.reason().isBlank()) {
            throw new RegistryException("A withdrawal states a reason (`reason`).");
        }
        long start = System.nanoTime();
        for (int attempt = 0; attempt < Soups.ATTEMPTS; attempt++) {
            try {
                return once(request, start);
            } catch (Overtaken e) {
                // A soup with this data was made meanwhile: it has to go, too.
            }
        }
        throw Soups.busy(String.join(", ", request.shards()));
    }

    private Withdrawn once(WithdrawRequest request, long start) {
        long weights;
        long entry;
        Scope scope;
        boolean there;
        List<HandedOut> publications = new ArrayList<>();
        List<SoupRow> made = new ArrayList<>();
        try (WeightStore.Session session = store.open()) {
            scope = registry.read(q -> scope(q, request));
            if (scope.all().stream().anyMatch(Gone::beyond)) {
                request.consent().ask(scope.all());
            }
            there = scope.isIn(store);
            long begin = System.nanoTime();
            Map<Long, Retrained> retrained = retrain(request, scope, session);
            Map<Draft, Made> soupsMade = remake(request, scope, retrained, session);
            weights = System.nanoTime() - begin;
            Looked looked = look(request, scope);
            entry =
                    registry.ledger()
                            .write(t -> {
                                Scope now = scope(t, request);
                                if (!now.ids().equals(scope.ids())
                                        || newestShard(t) != looked.newestShard()) {
                                    throw new Overtaken();
                                }
                                soupsMade.keySet().forEach(d -> Soups.checkLive(t, d));
                                List<String> replacements =
                                        retrained.values().stream()
                                                .map(Retrained::checkpoint)
                                                .toList();
                                long w =
                                        t.append(
                                                        Kind.WITHDRAWAL,
                                                        body(
                                                                t,
                                                                request,
                                                                now,
                                                                replacements,
                                                                looked.near()))
                                                .seq();
                                publications.addAll(now.publications());
                                retrained
                                        .values()
                                        .forEach(r ->
                                                new Arrivals(registry)
                                                        .append(t, r.ingredient(), r.checkpoint()));
                                soupsMade.forEach(
                                        (d, m) -> made.add(soups.append(t, d, m, Optional.of(w))));
                                return w;
                            });
        }
        Path certificate;
        long before;
        long freed;
        try {
            // Before weights are deleted: it is what tells others why they are gone.
            certificate = registry.saveCertificate(entry);
            before = System.nanoTime();
            freed = new HandedOutWeights(registry).collectNow(false, 0);
        } catch (SoupException e) {
            throw new RegistryException(
                    "It is withdrawn, by entry "
                            + entry
                            + ", but then: "
                            + e.getMessage()
                            + " Once that is mended, 'soup gc' deletes the weights and keeps the"
                            + " certificate, and 'soup certificate "
                            + entry
                            + " `out` FILE' writes it.",
                    e);
        }
        weights += System.nanoTime() - before;
        long total = System.nanoTime() - start;
        return new Withdrawn(
                entry,
                scope.shards().stream().map(ShardRow::name).toList(),
                scope.samples().size(),
                scope.gone().stream().map(IngredientRow::name).toList(),
                scope.retrained().stream().map(IngredientRow::name).toList(),
                scope.all(),
                copies(entry),
                scope.soups(),
                made,
                scope.bases().stream().map(BaseRow::name).toList(),
                publications,
                freed,
                there && freed == 0,
                certificate,
                weights / 1e9,
                (total - weights) / 1e9);
    }

    /** Live shards that hold the same pictures, with how many. */
    private SequencedMap<String, Integer> copies(long entry) {
        return registry.read(q -> {
            Map<Long, ShardRow> shards = new HashMap<>();
            q.shards().forEach(s -> shards.put(s.id(), s));
            SequencedMap<String, Integer> counts = new LinkedHashMap<>();
            for (JsonObject c : Certificates.copies(q, q.entry(entry), shards)) {
                counts.put(Json.string(c, "shard"), Json.strings(c, "sha256").size());
            }
            return counts;
        });
    }

    /** The end of a sentence about a withdrawal that was done. */
    private static String certified(long withdrawal) {
        return withdrawal
                + "); 'soup certificate "
                + withdrawal
                + "' writes the certificate that says so.";
    }

    private static RegistryException unknownPicture(Queries q, String sha, List<String> live) {
        List<SampleRow> before = q.withdrawnSamples(List.of(sha));
        if (!before.isEmpty()) {
            return new RegistryException(
                    "No live shard has a sample with the SHA-256 "
                            + sha
                            + ": it was withdrawn before (entry "
                            + certified(
                                    before.stream()
                                            .flatMap(s -> s.withdrawn().stream())
                                            .max(Long::compare)
                                            .orElseThrow()));
        }
        return new RegistryException(
                "No live shard has a sample with the SHA-256 "
                        + sha
                        + ". It is that of the picture as the shard holds it: 'soup data import'"
                        + " stores pictures anew, so the hash of the file that was imported is"
                        + " another; 'soup data inspect SHARD `rows` N `json`' lists each row's key,"
                        + " caption and sha256"
                        + (live.isEmpty() ? "." : " (SHARD such as " + live.getFirst() + ")."));
    }

    private Scope scope(Queries q, WithdrawRequest request) {
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
        Set<Long> whole = new HashSet<>(shards.stream().map(ShardRow::id).toList());
        Map<Long, ShardRow> live = new HashMap<>();
        q.shards().stream().filter(s -> s.withdrawn().isEmpty()).forEach(s -> live.put(s.id(), s));
        List<SampleRow> samples = new ArrayList<>();
        for (String sha : new TreeSet<>(request.samples())) {
            List<SampleRow> found =
                    q.samples(sha).stream()
                            .filter(s -> s.withdrawn().isEmpty() && live.containsKey(s.shard()))
                            .toList();
            if (found.isEmpty()) {
                throw unknownPicture(
                        q, sha, live.values().stream().map(ShardRow::source).sorted().toList());
            }
            found.stream().filter(s -> !whole.contains(s.shard())).forEach(samples::add);
        }
        if (shards.isEmpty() && samples.isEmpty()) {
            throw new RegistryException("Nothing to withdraw was named.");
        }
        Set<Long> touched = new HashSet<>(samples.stream().map(SampleRow::shard).toList());
        List<IngredientRow> gone = new ArrayList<>();
        List<IngredientRow> retrained = new ArrayList<>();
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
        List<Long> seen = new ArrayList<>(whole);
        seen.addAll(touched);
        List<BaseRow> bases = new ArrayList<>();
        Map<Long, SoupRow> out = new TreeMap<>();
        WeightsThatLeave weights = new WeightsThatLeave(store);
        // Why something leaves that was neither trained on nor made from what was named.
        Map<Long, String> copies = new HashMap<>();
        do {
            gone.forEach(i -> weights.add(q, i));
            retrained.forEach(i -> weights.add(q, i));
            List<Long> leaving = new ArrayList<>();
            gone.forEach(i -> leaving.add(i.id()));
            retrained.forEach(i -> leaving.add(i.id()));
            for (SoupRow s : q.soupsWith(leaving)) {
                out.put(s.id(), s);
                weights.add(q, s);
            }
        } while (addCopies(q, weights, gone, retrained, bases, copies));
        // A soup that only looked at the data and says so already need not be marked again.
        q.soupsSelectedAmong(seen).stream()
                .filter(SoupRow::isCurrent)
                .forEach(s -> out.put(s.id(), s));
        List<Long> leaving = new ArrayList<>(gone.stream().map(IngredientRow::id).toList());
        retrained.forEach(i -> leaving.add(i.id()));
        return new Scope(
                shards,
                samples,
                gone,
                retrained,
                bases,
                List.copyOf(out.values()),
                handedOut(q, seen, leaving),
                weights,
                Departures.of(
                        q, whole, touched, samples, gone, retrained, bases, out.values(), copies));
    }

    /**
     * What holds the weights that leave under another name leaves too, and so does what was made
     * from a base that does.
     *
     * @return whether there was anything
     */
    private static boolean addCopies(
            Queries q,
            WeightsThatLeave weights,
            List<IngredientRow> gone,
            List<IngredientRow> retrained,
            List<BaseRow> bases,
            Map<Long, String> copies) {
        int before = gone.size() + bases.size();
        for (BaseRow b : q.bases()) {
            if (b.withdrawn().isEmpty() && !bases.contains(b)) {
                Optional<String> why = weights.copyOf(q, b.id(), b.checkpoint());
                if (why.isPresent()) {
                    bases.add(b);
                    copies.put(b.id(), why.get());
                    weights.add(q, b);
                }
            }
        }
        Map<Long, String> names = new HashMap<>();
        bases.forEach(b -> names.put(b.id(), b.name()));
        Set<Long> withdrawnBases = new HashSet<>(bases.stream().map(BaseRow::id).toList());
        for (IngredientRow i : q.ingredients()) {
            boolean stays = i.withdrawn().isEmpty() && !gone.contains(i) && !retrained.contains(i);
            Optional<String> why =
                    !stays
                            ? Optional.empty()
                            : withdrawnBases.contains(i.base())
                                    ? Optional.of("made from base " + names.get(i.base()))
                                    : weights.copyOf(q, i.id(), i.checkpoint());
            if (why.isPresent()) {
                gone.add(i);
                copies.put(i.id(), why.get());
            }
        }
        for (IngredientRow i : List.copyOf(retrained)) {
            if (withdrawnBases.contains(i.base())) {
                retrained.remove(i);
                gone.add(i);
                copies.put(i.id(), "made from base " + names.get(i.base()));
            }
        }
        return gone.size() + bases.size() > before;
    }

    /**
     * Where soups went that ever held what leaves, in any version, also those that an earlier
     * withdrawal ended: for what leaves now they have to be asked for as well.
     */
    private static List<HandedOut> handedOut(Queries q, List<Long> shards, List<Long> leaving) {
        Set<Long> ever = new HashSet<>(leaving);
        q.ingredients().stream()
                .filter(i -> i.shards().stream().anyMatch(shards::contains))
                .forEach(i -> ever.add(i.id()));
        List<PublicationRow> all = q.publications();
        if (all.isEmpty()) {
            return List.of();
        }
        Map<Long, SoupRow> soups = new HashMap<>();
        q.soups().stream()
                .filter(s ->
                        s.members().stream().anyMatch(m -> ever.contains(m.ingredient()))
                                || s.selectedAmong().stream().anyMatch(shards::contains))
                .forEach(s -> soups.put(s.id(), s));
        List<HandedOut> list = new ArrayList<>();
        for (PublicationRow p : all) {
            SoupRow s = soups.get(p.soup());
            if (s != null) {
                list.add(new HandedOut(p.id(), s.label(), p.place()));
            }
        }
        return list;
    }

    /**
     * What was found alike.
     *
     * @param newestShard until which shard was looked at
     */
    private record Looked(Optional<NearDuplicates> near, long newestShard) {}

    /** Looks for pictures alike to those that leave in what stays. */
    private Looked look(WithdrawRequest request, Scope scope) {
        if (request.likeness().isEmpty()) {
            return new Looked(Optional.empty(), registry.read(Withdrawals::newestShard));
        }
        record Pictures(
                List<SampleRow> gone,
                List<SampleRow> rest,
                Map<Long, String> sources,
                long newestShard) {}
        Pictures p =
                registry.read(q -> {
                    List<SampleRow> gone = new ArrayList<>(scope.samples());
                    scope.shards().forEach(s -> gone.addAll(q.samples(s.id())));
                    record Key(long shard, String sha256) {}
                    Set<Key> out = new HashSet<>();
                    gone.forEach(s -> out.add(new Key(s.shard(), s.sha256())));
                    Map<Long, String> sources = new HashMap<>();
                    q.shards().forEach(s -> sources.put(s.id(), s.source()));
                    List<SampleRow> rest =
                            q.fingerprinted().stream()
                                    .filter(s -> !out.contains(new Key(s.shard(), s.sha256())))
                                    .toList();
                    return new Pictures(gone, rest, sources, newestShard(q));
                });
        NearDuplicates near =
                NearDuplicates.between(
                        p.gone(),
                        p.rest(),
                        id -> p.sources().getOrDefault(id, ""),
                        request.likeness().get());
        return new Looked(Optional.of(near), p.newestShard());
    }

    private static long newestShard(Queries q) {
        return q.shards().stream().mapToLong(ShardRow::id).max().orElse(0);
    }

    private JsonObject body(
            Queries q,
            WithdrawRequest request,
            Scope s,
            List<String> replacements,
            Optional<NearDuplicates> near) {
        List<Long> ingredients = new ArrayList<>();
        s.gone().forEach(i -> ingredients.add(i.id()));
        s.retrained().forEach(i -> ingredients.add(i.id()));
        Map<Long, List<String>> byShard = new TreeMap<>();
        s.samples()
                .forEach(x ->
                        byShard.computeIfAbsent(x.shard(), k -> new ArrayList<>()).add(x.sha256()));
        List<JsonObject> samples = new ArrayList<>();
        byShard.forEach((shard, hashes) ->
                samples.add(Json.object().put("shard", shard).strings("sha256", hashes).build()));
        Json.Builder body =
                Json.object()
                        .put("reason", request.reason())
                        .numbers("shards", s.shards().stream().map(ShardRow::id).toList())
                        .objects("samples", samples)
                        .numbers("ingredients", ingredients)
                        .numbers("bases", s.bases().stream().map(BaseRow::id).toList())
                        .numbers("soups", s.soups().stream().map(SoupRow::id).toList())
                        .numbers(
                                "publications",
                                s.publications().stream().map(HandedOut::entry).toList())
                        .put("selections", request.keepSelection() ? "kept" : "run again or none");
        Map<Long, String> staying = new TreeMap<>();
        Map<Long, String> names = new TreeMap<>();
        q.bases().stream()
                .filter(b -> b.withdrawn().isEmpty() && !s.bases().contains(b))
                .forEach(b -> {
                    staying.put(b.id(), b.checkpoint());
                    names.put(b.id(), b.name());
                });
        q.ingredients().stream()
                .filter(i -> i.withdrawn().isEmpty() && !ingredients.contains(i.id()))
                .forEach(i -> {
                    staying.put(i.id(), i.checkpoint());
                    names.put(i.id(), i.name());
                });
        s.weights().describe(q, staying, names, replacements, body);
        NearDuplicates.describe(near, request.likeness(), body);
        return body.build();
    }

    private record Retrained(NewIngredient ingredient, String checkpoint) {}

    private Map<Long, Retrained> retrain(
            WithdrawRequest request, Scope scope, WeightStore.Session session) {
        Map<Long, Retrained> done = new LinkedHashMap<>();
        Set<String> without =
                new TreeSet<>(scope.samples().stream().map(SampleRow::sha256).toList());
        for (IngredientRow i : scope.retrained()) {
            Path folder = session.work().resolve("retrain-" + i.id());
            record Facts(
                    String baseName,
                    String base,
                    List<ShardRow> shards,
                    JsonObject recipe,
                    Set<String> out) {}
            Facts facts =
                    registry.read(q -> {
                        var base =
                                q.bases().stream()
                                        .filter(b -> b.id() == i.base())
                                        .findFirst()
                                        .orElseThrow();
                        List<ShardRow> shards =
                                q.shards().stream()
                                        .filter(s -> i.shards().contains(s.id()))
                                        .toList();
                        Set<String> out = new TreeSet<>(without);
                        // Pictures that left these shards before stay out.
                        shards.forEach(s ->
                                q.samples(s.id()).stream()
                                        .filter(x -> x.withdrawn().isPresent())
                                        .forEach(x -> out.add(x.sha256())));
                        return new Facts(
                                base.name(), base.checkpoint(), shards, q.recipe(i.id()), out);
                    });
            Path base = store.rebuild(facts.base(), folder.resolve("base"));
            Path out =
                    folder.resolve(
                            store.manifest(facts.base()).folder() ? "out" : "out.safetensors");
            JsonObject recipe =
                    request.retrainer()
                            .orElseThrow()
                            .retrain(
                                    new Retraining(
                                            i.name(),
                                            base,
                                            facts.shards().stream().map(ShardRow::source).toList(),
                                            facts.out(),
                                            facts.recipe(),
                                            out));
            NewIngredient n =
                    new NewIngredient(
                            i.name(),
                            facts.baseName(),
                            facts.shards().stream().map(ShardRow::name).toList(),
                            out,
                            recipe,
                            org.diffusionsoup.core.SoupVersion.current());
            done.put(i.id(), new Retrained(n, store.put(out)));
        }
        return done;
    }

    private Map<Draft, Made> remake(
            WithdrawRequest request,
            Scope scope,
            Map<Long, Retrained> retrained,
            WeightStore.Session session) {
        Set<Long> gone = new HashSet<>(scope.gone().stream().map(IngredientRow::id).toList());
        Map<Draft, Made> made = new LinkedHashMap<>();
        for (SoupRow old : scope.soups()) {
            if (!old.isCurrent()) {
                continue;
            }
            boolean again =
                    !old.selectedAmong().isEmpty()
                            && !request.keepSelection()
                            && request.reselector().isPresent();
            Optional<Draft> draft =
                    again
                            ? reselected(request.reselector().get(), old, gone, retrained, session)
                            : registry.read(q -> without(q, request, old, gone, retrained));
            draft.ifPresent(d ->
                    made.put(
                            d,
                            soups.maker()
                                    .make(
                                            session,
                                            Soups.parts(d),
                                            d.keepSum(),
                                            registry.read(q -> Soups.start(q, old)))));
        }
        return made;
    }

    /** The soup without what leaves; empty if nothing is left of it. */
    private Optional<Draft> without(
            Queries q,
            WithdrawRequest request,
            SoupRow old,
            Set<Long> gone,
            Map<Long, Retrained> retrained) {
        List<NamedMember> members = new ArrayList<>();
        for (var m : old.members()) {
            IngredientRow row = q.ingredient(m.ingredient()).orElseThrow();
            Retrained again = retrained.get(m.ingredient());
            if (again != null) {
                members.add(new NamedMember(0, row.name(), again.checkpoint(), m.coefficient()));
            } else if (!gone.contains(m.ingredient()) && row.retired().isEmpty()) {
                members.add(
                        new NamedMember(row.id(), row.name(), row.checkpoint(), m.coefficient()));
            }
        }
        boolean selected = !old.selectedAmong().isEmpty();
        if (selected && !request.keepSelection()) {
            throw cannotReselect(old);
        }
        if (members.isEmpty()) {
            return Optional.empty();
        }
        Draft d = Soups.of(q, old, members);
        if (selected) {
            d =
                    new Draft(
                            d.name(),
                            d.method(),
                            d.follows(),
                            d.keepSum(),
                            d.members(),
                            Json.object(d.selection())
                                    .put("with_help_of_withdrawn_data", true)
                                    .build(),
                            d.selectedAmong());
        }
        return Optional.of(d);
    }

    private static RegistryException cannotReselect(SoupRow soup) {
        return new RegistryException(
                "Soup "
                        + soup.label()
                        + " was selected by a search that saw this data, and how to run it again is"
                        + " not recorded; search on what is left and record that ('soup registry"
                        + " make'), or say `keepSelection` to have the soup marked so.");
    }

    /** What is left of the ingredients that a search chose among, by name. */
    private record Left(
            JsonObject selection, boolean keepSum, SequencedMap<String, NamedMember> members) {}

    private static Left left(
            Queries q, SoupRow old, Set<Long> gone, Map<Long, Retrained> retrained) {
        JsonObject body = q.entry(old.id()).body();
        JsonObject selection = Json.object(body, "selection");
        List<String> candidates = Json.strings(selection, "candidates");
        SequencedMap<String, NamedMember> members = new LinkedHashMap<>();
        for (IngredientRow i : q.ingredients()) {
            if (!i.isLive() || !candidates.contains(i.name())) {
                continue;
            }
            Retrained again = retrained.get(i.id());
            if (again != null) {
                members.put(
                        i.name(),
                        new NamedMember(0, i.name(), again.checkpoint(), Coefficient.ONE));
            } else if (!gone.contains(i.id())) {
                members.put(
                        i.name(),
                        new NamedMember(i.id(), i.name(), i.checkpoint(), Coefficient.ONE));
            }
        }
        return new Left(selection, Json.flag(body, "keep_sum"), members);
    }

    /** The soup as the same search chooses it among what is left; empty if nothing is left. */
    private Optional<Draft> reselected(
            Reselector reselector,
            SoupRow old,
            Set<Long> gone,
            Map<Long, Retrained> retrained,
            WeightStore.Session session) {
        Left left = registry.read(q -> left(q, old, gone, retrained));
        if (left.members().isEmpty()) {
            return Optional.empty();
        }
        Choice choice = choice(reselector, old, left, session);
        for (String c : choice.selection().candidates()) {
            if (!left.members().containsKey(c)) {
                throw new RegistryException(
                        "The search's journal says that it looked at '"
                                + c
                                + "', which is not among what is left.");
            }
        }
        List<NamedMember> members = new ArrayList<>();
        for (SoupPlan.Item item : choice.items()) {
            NamedMember m = left.members().get(item.ingredient());
            if (m == null) {
                throw new RegistryException(
                        "The search chose '"
                                + item.ingredient()
                                + "', which is not among what is left, "
                                + left.members().keySet()
                                + ".");
            }
            members.add(new NamedMember(m.id(), m.name(), m.checkpoint(), item.coefficient()));
        }
        List<Long> among =
                registry.read(q ->
                        q.ingredients().stream()
                                .filter(IngredientRow::isLive)
                                .filter(i -> left.members().containsKey(i.name()))
                                .flatMap(i -> i.shards().stream())
                                .distinct()
                                .sorted()
                                .toList());
        return Optional.of(
                new Draft(
                        old.name(),
                        "search",
                        old.follows(),
                        left.keepSum(),
                        members,
                        Soups.recorded(choice.selection()),
                        among));
    }

    private static Choice choice(
            Reselector reselector, SoupRow old, Left left, WeightStore.Session session) {
        if (left.members().size() == 1) {
            String only = left.members().firstEntry().getKey();
            return new Choice(
                    List.of(new SoupPlan.Item(only, Coefficient.ONE)),
                    new SoupPlan.Selection(
                            Json.string(left.selection(), "method"),
                            List.of(only),
                            Json.object()
                                    .put("note", "no search: one candidate was left")
                                    .build()));
        }
        SequencedMap<String, String> checkpoints = new LinkedHashMap<>();
        left.members().forEach((name, m) -> checkpoints.put(name, m.checkpoint()));
        return reselector
                .reselect(
                        new Reselection(
                                old.label(),
                                left.selection(),
                                checkpoints,
                                session.work().resolve("reselect-" + old.id())))
                .orElseThrow(() -> cannotReselect(old));
    }
}
