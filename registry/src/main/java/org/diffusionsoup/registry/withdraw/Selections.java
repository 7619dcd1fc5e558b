package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.Draft;
import org.diffusionsoup.registry.soup.Draft.NamedMember;
import org.diffusionsoup.registry.soup.SoupPlan;
import org.diffusionsoup.registry.soup.Soups;
import org.diffusionsoup.registry.store.WeightStore;
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
    static RegistryException notAgain(SoupRow soup) {
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
    Optional<Draft> again(SoupRow old, Set<Long> gone, Map<Long, Retrained> retrained) {
        Left left = context.read(q -> left(q, old, gone, retrained));
        if (left.members().isEmpty()) {
            return Optional.empty();
        }
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
        List<Long> among =
                context.read(q ->
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
