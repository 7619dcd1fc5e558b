package org.diffusionsoup.registry.soup;

import java.util.ArrayList;
import java.util.HashMap;
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
     * @throws RegistryException if an ingredient is unknown or withdrawn, or they do not start from
     *     one base
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
                throw new RegistryException("The registry has no ingredients yet.");
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
        checkOneBase(q, members, plan.name());
        new ReturnedWeights(store)
                .refuseMembers(q, plan.name(), members.stream().map(NamedMember::id).toList());
        JsonObject selection = Json.object().build();
        List<Long> among = new ArrayList<>();
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
            List<Long> candidates = new ArrayList<>();
            for (String c : s.candidates()) {
                IngredientRow i = Names.ingredient(q, c);
                candidates.add(i.id());
                among.addAll(i.shards());
            }
            context.shards().refuseExpired(q, candidates);
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
                List.copyOf(new TreeSet<>(among)));
    }

    /** A selection as entries have it. */
    public static JsonObject recorded(SoupPlan.Selection s) {
        return Json.object()
                .put("method", s.method())
                .strings("candidates", s.candidates())
                .put("journal", s.journal())
                .build();
    }

    private void checkOneBase(Queries q, List<NamedMember> members, String soup) {
        Map<Long, String> bases = new HashMap<>();
        for (NamedMember m : members) {
            IngredientRow row = q.ingredient(m.id()).orElseThrow();
            bases.putIfAbsent(row.base(), m.name());
        }
        context.shards().refuseExpired(q, members.stream().map(NamedMember::id).toList());
        if (bases.size() > 1) {
            throw new RegistryException(
                    "The ingredients of soup '"
                            + soup
                            + "' start from different bases ("
                            + String.join(", ", bases.values())
                            + "); only ingredients of one base can be averaged.");
        }
    }

    /** Appends a soup whose weights are stored. */
    public SoupRow append(Ledger.Transaction t, Draft draft, Made made, Optional<Long> becauseOf) {
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
        }
        becauseOf.ifPresent(w -> body.put("withdrawal", w));
        long id = t.append(Kind.SOUP, body.build()).seq();
        return t.soup(id).orElseThrow();
    }

    /**
     * Brings a soup that follows its shards up to date.
     *
     * @return the current version; the same as before if nothing was new
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
        context.shards().refuseChosen(q, old);
        new ReturnedWeights(store)
                .refuseMembers(q, old.name(), members.stream().map(NamedMember::id).toList());
        return Draft.of(q, old, members);
    }
}
