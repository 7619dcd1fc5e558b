package org.diffusionsoup.registry.soup;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.Member;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.Attempts.Overtaken;
import org.diffusionsoup.registry.soup.Draft.NamedMember;
import org.diffusionsoup.registry.soup.SoupMaker.Made;
import org.diffusionsoup.registry.soup.SoupMaker.Start;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.ContentHashes;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** Makes and updates soups. */
public final class Soups {
    private final Context context;
    private final WeightStore store;

    public Soups(Context context) {
        this.context = context;
        this.store = context.store();
    }

    /**
     * Makes a soup, or its next version.
     *
     * @throws RegistryException if an ingredient is unknown or withdrawn, they do not start from
     *     one base, or a soup that a search chose is to follow its shards
     */
    public SoupRow make(SoupPlan plan) {
        return Attempts.at(plan.name(), () -> makeOnce(plan));
    }

    /**
     * Refuses a plan that {@link #make} would refuse, and makes nothing.
     *
     * @throws RegistryException as {@link #make} does
     */
    public void check(SoupPlan plan) {
        context.read(q -> draft(q, plan));
    }

    private SoupRow makeOnce(SoupPlan plan) {
        try (WeightStore.Session session = store.open()) {
            Draft draft = context.ledger().readToSign(q -> draft(q, plan));
            Made made = maker().make(session, draft.parts(), draft.keepSum(), Optional.empty());
            return context.ledger()
                    .write(t -> {
                        draft.checkLive(t);
                        Names.checkSoupName(t, draft.name());
                        return append(t, draft, made, Optional.empty());
                    });
        }
    }

    /** What averages the members of a draft. */
    public SoupMaker maker() {
        return new SoupMaker(store, context.options());
    }

    private Draft draft(Queries q, SoupPlan plan) {
        Names.checkSoupName(q, plan.name());
        if (plan.follows() && plan.selection().isPresent()) {
            throw new RegistryException(
                    "Soup '"
                            + plan.name()
                            + "' either follows its shards or is what a search chose: what comes"
                            + " later was in no search. Leave out `follow` or `selection`.");
        }
        List<NamedMember> members = new ArrayList<>();
        List<SoupPlan.Item> items = plan.ingredients();
        if (items.isEmpty()) {
            if (!plan.follows()) {
                throw new RegistryException(
                        "Soup '"
                                + plan.name()
                                + "' names no ingredients; name them (`from`), or take in all there are"
                                + " and will be (`follow`).");
            }
            items =
                    q.ingredients().stream()
                            .filter(IngredientRow::isLive)
                            .map(i -> new SoupPlan.Item(i.name(), Coefficient.ONE))
                            .toList();
            if (items.isEmpty()) {
                throw new RegistryException(
                        q.ingredients().isEmpty()
                                ? "The registry has no ingredients yet; 'soup ingredient add' or 'soup train `registry`' records one."
                                : "The registry has no ingredients any more: all were withdrawn or retired; 'soup ingredient add' or 'soup train `registry`' records another.");
            }
        }
        for (SoupPlan.Item item : items) {
            IngredientRow i = Names.ingredient(q, item.ingredient());
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
        checkOneBase(q, members, "The ingredients of soup '" + plan.name() + "'");
        new ReturnedWeights(store)
                .refuseMembers(q, plan.name(), members.stream().map(NamedMember::id).toList());
        JsonObject selection = Json.object().build();
        List<Long> among = new ArrayList<>();
        List<NamedMember> candidates = new ArrayList<>();
        if (plan.selection().isPresent()) {
            SoupPlan.Selection s = plan.selection().get();
            for (NamedMember m : members) {
                if (!s.candidates().contains(m.name())) {
                    throw new RegistryException(
                            "Soup '"
                                    + plan.name()
                                    + "' holds ingredient '"
                                    + m.name()
                                    + "', which is not among those that the search chose from, "
                                    + String.join(", ", s.candidates())
                                    + "; name all that it looked at (`candidates`).");
                }
            }
            for (String c : new LinkedHashSet<>(s.candidates())) {
                IngredientRow i = Names.ingredient(q, c);
                if (!s.checkpoints().getOrDefault(c, i.checkpoint()).equals(i.checkpoint())) {
                    throw new RegistryException(
                            "Ingredient '"
                                    + c
                                    + "' is not the one that the search looked at: it was recorded"
                                    + " anew meanwhile; search again.");
                }
                candidates.add(new NamedMember(i.id(), i.name(), i.checkpoint(), Coefficient.ONE));
                among.addAll(i.shards());
            }
            checkOneBase(
                    q,
                    candidates,
                    "The ingredients that soup '" + plan.name() + "' was chosen among");
            selection = recorded(s);
        }
        String method = plan.selection().isPresent() ? "search" : Draft.method(members);
        return new Draft(
                plan.name(),
                method,
                plan.follows(),
                plan.keepSum(),
                members,
                selection,
                List.copyOf(new TreeSet<>(among)),
                candidates);
    }

    /** A selection as entries have it. */
    public static JsonObject recorded(SoupPlan.Selection s) {
        return Json.object()
                .put("method", s.method())
                .strings("candidates", s.candidates())
                .put("journal", s.journal())
                .build();
    }

    private void checkOneBase(Queries q, List<NamedMember> members, String what) {
        Map<Long, String> bases = new HashMap<>();
        for (NamedMember m : members) {
            IngredientRow row = q.ingredient(m.id()).orElseThrow();
            bases.putIfAbsent(row.base(), m.name());
        }
        context.shards().refuseExpired(q, members.stream().map(NamedMember::id).toList());
        if (bases.size() > 1) {
            throw new RegistryException(
                    what
                            + " start from different bases ("
                            + String.join(", ", bases.values())
                            + "); only ingredients of one base can be averaged.");
        }
    }

    /** Appends a soup whose weights are stored. */
    public SoupRow append(Ledger.Transaction t, Draft draft, Made made, Optional<Long> becauseOf) {
        Optional<SoupRow> old = t.soup(draft.name());
        List<JsonObject> members = new ArrayList<>();
        for (NamedMember m : draft.members()) {
            members.add(
                    Json.object()
                            .put("entry", entry(t, m))
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
                        .strings(ContentHashes.FIELD, made.contents())
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
            body.numbers(Choices.AMONG, draft.candidates().stream().map(c -> entry(t, c)).toList());
        }
        becauseOf.ifPresent(w -> body.put("withdrawal", w));
        long id = t.append(Kind.SOUP, body.build()).seq();
        return t.soup(id).orElseThrow();
    }

    /** Where the same transaction appended it, it has the name. */
    private static long entry(Queries q, NamedMember m) {
        return m.id() != 0 ? m.id() : q.ingredient(m.name()).orElseThrow().id();
    }

    /**
     * Brings a soup that follows its shards up to date.
     *
     * @return the current version; the same as before if nothing was new
     * @throws RegistryException if it does not follow, or is a search's choice, as earlier versions
     *     let soups be both
     */
    public SoupRow update(String name) {
        return Attempts.at(name, () -> updateOnce(name));
    }

    private SoupRow updateOnce(String name) {
        try (WeightStore.Session session = store.open()) {
            record Look(SoupRow old, Draft draft, Start start) {}
            Look look =
                    context.ledger()
                            .readToSign(q -> {
                                SoupRow old = Names.soup(q, name);
                                return new Look(old, grown(q, old), Start.of(q, old));
                            });
            List<Long> wanted = look.draft().members().stream().map(NamedMember::id).toList();
            List<Long> have = look.old().members().stream().map(Member::ingredient).toList();
            if (look.old().isCurrent() && wanted.equals(have)) {
                return look.old();
            }
            Made made =
                    maker().make(
                                    session,
                                    look.draft().parts(),
                                    look.draft().keepSum(),
                                    Optional.of(look.start()));
            return context.ledger()
                    .write(t -> {
                        look.draft().checkLive(t);
                        SoupRow now = Names.soup(t, name);
                        if (now.id() != look.old().id()
                                || !now.withdrawn().equals(look.old().withdrawn())) {
                            throw new Overtaken();
                        }
                        return append(t, look.draft(), made, Optional.empty());
                    });
        }
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
        if (new Choices(q).selection(old).isPresent()) {
            throw new RegistryException(
                    "Soup "
                            + old.label()
                            + " follows its shards and says that a search chose it, as an earlier"
                            + " version took it; what came since was in no search. Make it again by"
                            + " one of the two: 'soup registry make "
                            + old.name()
                            + " `follow`', or by a search among all there is.");
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
        checkOneBase(q, members, "The ingredients of soup '" + old.name() + "'");
        new ReturnedWeights(store)
                .refuseMembers(q, old.name(), members.stream().map(NamedMember::id).toList());
        return Draft.of(q, old, members);
    }
}
