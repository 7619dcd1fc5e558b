package org.diffusionsoup.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.SoupMaker.Made;
import org.diffusionsoup.registry.SoupMaker.Part;
import org.diffusionsoup.registry.SoupMaker.Start;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** Makes and updates soups. */
final class Soups {
    /** How often others may come between before it is given up. */
    static final int ATTEMPTS = 20;

    private final Registry registry;
    private final WeightStore store;

    Soups(Registry registry) {
        this.registry = registry;
        this.store = registry.store();
    }

    /** What a transaction finds changed under it: the work is done again. */
    static final class Overtaken extends SoupException {
        private static final long serialVersionUID = 1L;

        Overtaken() {
            super("overtaken", false);
        }
    }

    /**
     * A soup to append.
     *
     * @param members ids are those of the ledger, 0 for ingredients that the same transaction
     *     appends
     */
    record Draft(
            String name,
            String method,
            boolean follows,
            boolean keepSum,
            List<NamedMember> members,
            JsonObject selection,
            List<Long> selectedAmong) {}

    /** A member with what is needed to average it. */
    record NamedMember(long id, String name, String checkpoint, Coefficient coefficient) {
        Part part() {
            return new Part(name, checkpoint, coefficient);
        }
    }

    SoupRow make(SoupPlan plan) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try (WeightStore.Session session = store.open()) {
                Draft draft = registry.read(q -> draft(q, plan));
                Made made = maker().make(session, parts(draft), draft.keepSum(), Optional.empty());
                return registry.ledger()
                        .write(t -> {
                            checkLive(t, draft);
                            Registry.checkSoupName(t, draft.name());
                            return append(t, draft, made, Optional.empty());
                        });
            } catch (Overtaken e) {
                // An ingredient was withdrawn meanwhile: the second look says so.
            }
        }
        throw busy(plan.name());
    }

    SoupMaker maker() {
        return new SoupMaker(store, registry.options());
    }

    static List<Part> parts(Draft draft) {
        return draft.members().stream().map(NamedMember::part).toList();
    }

    static RegistryException busy(String name) {
        return new RegistryException(
                "Others kept changing what soup '" + name + "' is made of; try again.");
    }

    private Draft draft(Queries q, SoupPlan plan) {
        Registry.checkSoupName(q, plan.name());
        List<NamedMember> members = new ArrayList<>();
        List<SoupPlan.Item> items = plan.ingredients();
        if (items.isEmpty()) {
            if (!plan.follows()) {
                throw new RegistryException(
                        "Soup '" + plan.name() + "' names no ingredients (`from`).");
            }
            items =
                    q.ingredients().stream()
                            .filter(IngredientRow::isLive)
                            .map(i -> new SoupPlan.Item(i.name(), Coefficient.ONE))
                            .toList();
            if (items.isEmpty()) {
                throw new RegistryException("The registry has no ingredients yet.");
            }
        }
        for (SoupPlan.Item item : items) {
            IngredientRow i = ingredient(q, item.ingredient());
            if (members.stream().anyMatch(m -> m.id() == i.id())) {
                throw new RegistryException(
                        "Ingredient '"
                                + i.name()
                                + "' is named twice in soup '"
                                + plan.name()
                                + "'.");
            }
            members.add(new NamedMember(i.id(), i.name(), i.checkpoint(), item.coefficient()));
        }
        checkOneBase(q, members, plan.name());
        new ReturnedWeights(store)
                .refuseMembers(q, plan.name(), members.stream().map(NamedMember::id).toList());
        JsonObject selection = Json.object().build();
        List<Long> among = new ArrayList<>();
        if (plan.selection().isPresent()) {
            SoupPlan.Selection s = plan.selection().get();
            for (String c : s.candidates()) {
                among.addAll(ingredient(q, c).shards());
            }
            selection = recorded(s);
        }
        boolean uniform = members.stream().map(NamedMember::coefficient).distinct().count() == 1;
        String method = plan.selection().isPresent() ? "search" : uniform ? "uniform" : "weighted";
        return new Draft(
                plan.name(),
                method,
                plan.follows(),
                plan.keepSum(),
                members,
                selection,
                List.copyOf(new TreeSet<>(among)));
    }

    /** A selection as entries have it. */
    static JsonObject recorded(SoupPlan.Selection s) {
        return Json.object()
                .put("method", s.method())
                .strings("candidates", s.candidates())
                .put("journal", s.journal())
                .build();
    }

    static IngredientRow ingredient(Queries q, String name) {
        return q.ingredient(name)
                .orElseThrow(() -> {
                    Optional<IngredientRow> was =
                            q.ingredients().stream()
                                    .filter(i -> i.name().equals(name))
                                    .reduce((a, b) -> b);
                    return new RegistryException(
                            was.isPresent() ? ended(was.get()) : unknown(q, name));
                });
    }

    private static String unknown(Queries q, String name) {
        List<IngredientRow> live = q.ingredients().stream().filter(IngredientRow::isLive).toList();
        Optional<ShardRow> shard = q.shard(name);
        if (shard.isPresent()) {
            List<String> trained =
                    live.stream()
                            .filter(i -> i.shards().contains(shard.get().id()))
                            .map(IngredientRow::name)
                            .toList();
            return "'"
                    + name
                    + "' is a shard and no ingredient; "
                    + (trained.isEmpty()
                            ? "no ingredient was trained on it yet: record one with 'soup ingredient"
                                    + " add NAME `weights` MODEL `shard` "
                                    + name
                                    + "'."
                            : "trained on it: " + String.join(", ", trained) + ".");
        }
        List<String> names = live.stream().map(IngredientRow::name).toList();
        return "There is no ingredient '"
                + name
                + (names.isEmpty()
                        ? "', and no other; record one with 'soup ingredient add'."
                        : "', only " + String.join(", ", names) + ".");
    }

    /**
     * The command that makes a soup's next version; empty if no ingredient is left for one.
     *
     * @param s a soup, whatever became of its ingredients
     */
    static Optional<String> remake(Queries q, SoupRow s) {
        long base = q.ingredient(s.members().getFirst().ingredient()).orElseThrow().base();
        List<IngredientRow> live =
                q.ingredients().stream().filter(i -> i.isLive() && i.base() == base).toList();
        if (live.isEmpty()) {
            return Optional.empty();
        }
        if (s.follows()) {
            return Optional.of("soup update " + s.name());
        }
        Set<Long> members = new HashSet<>();
        s.members().forEach(m -> members.add(m.ingredient()));
        List<String> own =
                live.stream()
                        .filter(i -> members.contains(i.id()))
                        .map(IngredientRow::name)
                        .toList();
        List<String> from = own.isEmpty() ? live.stream().map(IngredientRow::name).toList() : own;
        return Optional.of("soup registry make " + s.name() + " `from` " + String.join(",", from));
    }

    private static String ended(IngredientRow i) {
        return "Ingredient '"
                + i.name()
                + "' was "
                + (i.withdrawn().isPresent()
                        ? "withdrawn."
                        : "retired (entry " + i.retired().orElseThrow() + ").");
    }

    private void checkOneBase(Queries q, List<NamedMember> members, String soup) {
        Map<Long, String> bases = new HashMap<>();
        TreeSet<Long> shards = new TreeSet<>();
        for (NamedMember m : members) {
            IngredientRow row = q.ingredient(m.id()).orElseThrow();
            bases.putIfAbsent(row.base(), m.name());
            shards.addAll(row.shards());
        }
        q.shards().stream()
                .filter(r -> shards.contains(r.id()))
                .forEach(r -> registry.checkUsable(r));
        if (bases.size() > 1) {
            throw new RegistryException(
                    "The ingredients of soup '"
                            + soup
                            + "' start from different bases ("
                            + String.join(", ", bases.values())
                            + "); only ingredients of one base can be averaged.");
        }
    }

    /** In the transaction that appends: still there? */
    static void checkLive(Queries q, Draft draft) {
        for (NamedMember m : draft.members()) {
            if (m.id() != 0 && q.ingredient(m.id()).filter(i -> !i.isLive()).isPresent()) {
                throw new Overtaken();
            }
        }
    }

    /** Appends a soup whose weights are stored. */
    SoupRow append(Ledger.Transaction t, Draft draft, Made made, Optional<Long> becauseOf) {
        Optional<SoupRow> old = t.soup(draft.name());
        List<JsonObject> members = new ArrayList<>();
        for (NamedMember m : draft.members()) {
            long id = m.id() != 0 ? m.id() : t.ingredient(m.name()).orElseThrow().id();
            members.add(
                    Json.object()
                            .put("entry", id)
                            .put("name", m.name())
                            .put("checkpoint", m.checkpoint())
                            .put("coefficient", m.coefficient().toString())
                            .build());
        }
        Json.Builder body =
                Json.object()
                        .put("name", draft.name())
                        .put("version", old.map(SoupRow::version).orElse(0L) + 1)
                        .put("method", draft.method())
                        .put("follows", draft.follows())
                        .put("keep_sum", draft.keepSum())
                        .put("checkpoint", made.checkpoint())
                        .map("files", store.manifest(made.checkpoint()).weightFiles())
                        .map("sum", made.sumHashes())
                        .put("made", made.how())
                        .objects("ingredients", members)
                        .put("code_version", org.diffusionsoup.core.SoupVersion.current());
        if (old.isPresent() && old.get().isCurrent()) {
            body.numbers("replaces", List.of(old.get().id()));
        }
        if (!draft.selection().fields().isEmpty()) {
            body.put("selection", draft.selection());
            body.numbers("selected_among", draft.selectedAmong());
        }
        becauseOf.ifPresent(w -> body.put("withdrawal", w));
        long id = t.append(Kind.SOUP, body.build()).seq();
        return t.soup(id).orElseThrow();
    }

    SoupRow update(String name) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try (WeightStore.Session session = store.open()) {
                record Look(SoupRow old, Draft draft, Optional<Start> start) {}
                Look look =
                        registry.read(q -> {
                            SoupRow old = Registry.soup(q, name);
                            Draft d = grown(q, old);
                            return new Look(old, d, start(q, old));
                        });
                boolean same =
                        look.old().isCurrent()
                                && look.draft().members().stream()
                                        .map(NamedMember::id)
                                        .toList()
                                        .equals(
                                                look.old().members().stream()
                                                        .map(Member::ingredient)
                                                        .toList());
                if (same) {
                    return look.old();
                }
                Made made =
                        maker().make(
                                        session,
                                        parts(look.draft()),
                                        look.draft().keepSum(),
                                        look.start());
                return registry.ledger()
                        .write(t -> {
                            checkLive(t, look.draft());
                            SoupRow now = Registry.soup(t, name);
                            if (now.id() != look.old().id()
                                    || !now.withdrawn().equals(look.old().withdrawn())) {
                                throw new Overtaken();
                            }
                            return append(t, look.draft(), made, Optional.empty());
                        });
            } catch (Overtaken e) {
                // Somebody else was quicker; look again.
            }
        }
        throw busy(name);
    }

    /** A soup that follows, with what came since; coefficients of what it has stay. */
    private Draft grown(Queries q, SoupRow old) {
        if (!old.follows()) {
            throw new RegistryException(
                    "Soup '"
                            + old.name()
                            + "' does not follow its shards; make it again with `follow`, or name"
                            + " its ingredients.");
        }
        long base = q.ingredient(old.members().getFirst().ingredient()).orElseThrow().base();
        List<NamedMember> members = new ArrayList<>();
        for (IngredientRow i : q.ingredients()) {
            if (i.isLive() && i.base() == base) {
                Coefficient k =
                        old.members().stream()
                                .filter(m -> m.ingredient() == i.id())
                                .map(Member::coefficient)
                                .findFirst()
                                .orElse(Coefficient.ONE);
                members.add(new NamedMember(i.id(), i.name(), i.checkpoint(), k));
            }
        }
        if (members.isEmpty()) {
            throw new RegistryException(
                    "No ingredient is left for soup '"
                            + old.name()
                            + "'; record another of its base with 'soup ingredient add', then update"
                            + " again.");
        }
        checkOneBase(q, members, old.name());
        new ReturnedWeights(store)
                .refuseMembers(q, old.name(), members.stream().map(NamedMember::id).toList());
        return of(q, old, members);
    }

    /** A next version with these members. */
    static Draft of(Queries q, SoupRow old, List<NamedMember> members) {
        JsonObject body = q.entry(old.id()).body();
        boolean uniform = members.stream().map(NamedMember::coefficient).distinct().count() == 1;
        JsonObject selection =
                body.fields().get("selection") instanceof JsonObject s ? s : Json.object().build();
        return new Draft(
                old.name(),
                !selection.fields().isEmpty() ? "search" : uniform ? "uniform" : "weighted",
                old.follows(),
                Json.flag(body, "keep_sum"),
                members,
                selection,
                old.selectedAmong());
    }

    static Optional<Start> start(Queries q, SoupRow old) {
        JsonObject body = q.entry(old.id()).body();
        List<Part> parts =
                Json.objects(body, "ingredients").stream()
                        .map(m ->
                                new Part(
                                        Json.string(m, "name"),
                                        Json.string(m, "checkpoint"),
                                        Coefficient.parse(Json.string(m, "coefficient"))))
                        .toList();
        return Optional.of(new Start(old.checkpoint(), parts, Json.map(body, "sum")));
    }
}
