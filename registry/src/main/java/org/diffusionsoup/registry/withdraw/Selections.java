package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.Draft;
import org.diffusionsoup.registry.soup.Draft.NamedMember;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.soup.Soups;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.withdraw.Retrainings.Retrained;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Choice;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Reselection;
import org.diffusionsoup.registry.withdraw.WithdrawRequest.Reselector;

/** Searches that chose a soup's ingredients, run again on what is left of them. */
final class Selections {
    private final Context context;
    private final Reselector reselector;
    private final WeightStore.Session session;

    Selections(Context context, Reselector reselector, WeightStore.Session session) {
        this.context = context;
        this.reselector = reselector;
        this.session = session;
    }

    /** That a soup cannot be chosen anew, and what can be done. */
    static RegistryException notAgain(Queries q, SoupRow soup) {
        List<IngredientRow> beyond = new Choices(q).beyond(soup);
        return beyond.isEmpty() ? notAgain(soup) : notAgain(soup, beyond);
    }

    /** That of a soup which an earlier version let grow beyond what was chosen. */
    private static RegistryException notAgain(SoupRow soup, List<IngredientRow> beyond) {
        return new RegistryException(
                "Soup "
                        + soup.label()
                        + " was selected by a search that saw this data, and holds what that did"
                        + " not choose among ("
                        + beyond.stream().map(IngredientRow::name).collect(Collectors.joining(", "))
                        + "), so that no search gives it again; make it again by one of the two,"
                        + " `follow` or a search ('soup registry make'), or say `keepSelection` to"
                        + " have the soup marked so.");
    }

    private static RegistryException notAgain(SoupRow soup) {
        return new RegistryException(
                "Soup "
                        + soup.label()
                        + " was selected by a search that saw this data, and how to run it again is"
                        + " not recorded; search on what is left and record that ('soup registry"
                        + " make'), or say `keepSelection` to have the soup marked so.");
    }

    /**
     * What is left of the ingredients that a search chose among, by name.
     *
     * @param shards of these
     * @param bases of these, by name
     */
    private record Left(
            JsonObject selection,
            boolean keepSum,
            SequencedMap<String, NamedMember> members,
            SortedSet<Long> shards,
            SortedMap<String, String> bases) {}

    private Left left(Queries q, SoupRow old, Plan plan, Map<Long, Retrained> retrained) {
        Set<Long> gone = plan.gone().stream().map(IngredientRow::id).collect(Collectors.toSet());
        List<Long> kept = new ArrayList<>();
        JsonObject body = q.entry(old.id()).body();
        SequencedMap<String, NamedMember> members = new LinkedHashMap<>();
        SortedSet<Long> shards = new TreeSet<>();
        SortedMap<String, String> bases = new TreeMap<>();
        for (IngredientRow i : new Choices(q).left(old)) {
            Retrained again = retrained.get(i.id());
            if (again == null && gone.contains(i.id())) {
                continue;
            }
            members.put(
                    i.name(),
                    again == null
                            ? new NamedMember(i.id(), i.name(), i.checkpoint(), Coefficient.ONE)
                            : new NamedMember(0, i.name(), again.checkpoint(), Coefficient.ONE));
            kept.add(i.id());
            shards.addAll(i.shards());
            bases.putIfAbsent(Json.string(q.entry(i.base()).body(), "name"), i.name());
        }
        refuseExpired(q, old, kept, plan);
        return new Left(
                Json.object(body, "selection"),
                Json.flag(body, "keep_sum"),
                members,
                shards,
                bases);
    }

    /** A search is a new look, and what it chooses may newly come into the soup. */
    private void refuseExpired(Queries q, SoupRow soup, List<Long> kept, Plan plan) {
        Set<Long> leaving = plan.shards().stream().map(ShardRow::id).collect(Collectors.toSet());
        try {
            context.shards().refuseExpired(q, kept, leaving);
        } catch (RegistryException e) {
            throw new RegistryException(
                    "Soup "
                            + soup.label()
                            + " cannot be chosen again, and nothing was withdrawn: "
                            + e.getMessage()
                            + " Run that first, or withdraw both together.",
                    e);
        }
    }

    /** What an earlier version averaged over two bases is not searched so again. */
    private static void checkOneBase(SoupRow soup, Left left) {
        if (left.bases().size() > 1) {
            throw new RegistryException(
                    "Soup "
                            + soup.label()
                            + " cannot be chosen again, and nothing was withdrawn: it holds"
                            + " ingredients of different bases ("
                            + left.bases().entrySet().stream()
                                    .map(b -> b.getValue() + " of " + b.getKey())
                                    .collect(Collectors.joining(", "))
                            + "), as an earlier version made it; make it again of ingredients of"
                            + " one base ('soup registry make'), or say `keepSelection`.");
        }
    }

    /** The soup as the same search chooses it among what is left; empty if nothing is left. */
    Optional<Draft> again(SoupRow old, Plan plan, Map<Long, Retrained> retrained) {
        Left left =
                context.read(q -> {
                    List<IngredientRow> beyond = new Choices(q).beyond(old);
                    if (!beyond.isEmpty()) {
                        throw notAgain(old, beyond);
                    }
                    return left(q, old, plan, retrained);
                });
        if (left.members().isEmpty()) {
            return Optional.empty();
        }
        checkOneBase(old, left);
        Choice choice = choice(old, left);
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
        return Optional.of(
                new Draft(
                        old.name(),
                        "search",
                        false,
                        left.keepSum(),
                        members,
                        Soups.recorded(choice.selection()),
                        List.copyOf(left.shards()),
                        List.copyOf(left.members().values())));
    }

    private Choice choice(SoupRow old, Left left) {
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
                .orElseThrow(() -> notAgain(old));
    }
}
