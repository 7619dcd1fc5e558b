package org.diffusionsoup.registry.withdraw;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.registry.arrival.Arrivals;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.Attempts.Overtaken;
import org.diffusionsoup.registry.soup.Draft;
import org.diffusionsoup.registry.soup.Draft.NamedMember;
import org.diffusionsoup.registry.soup.SoupMaker;
import org.diffusionsoup.registry.soup.SoupMaker.Made;
import org.diffusionsoup.registry.soup.SoupMaker.Start;
import org.diffusionsoup.registry.soup.Soups;
import org.diffusionsoup.registry.store.WeightStore;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.withdraw.Retrainings.Retrained;

/**
 * What takes the place of what leaves; its weights are stored, and the ledger does not name it yet.
 *
 * @param ingredients by the entries of those that leave
 * @param soups next versions
 */
record Replacements(Map<Long, Retrained> ingredients, Map<Draft, Made> soups) {
    /**
     * Makes them.
     *
     * @param session the store's, held until the ledger names them
     */
    static Replacements make(
            Context context, WithdrawRequest request, Plan plan, WeightStore.Session session) {
        Map<Long, Retrained> ingredients =
                request.retrainer()
                        .map(r -> new Retrainings(context, r, session).all(plan))
                        .orElseGet(LinkedHashMap::new);
        SoupMaker maker = new Soups(context).maker();
        Map<Draft, Made> made = new LinkedHashMap<>();
        for (SoupRow old : plan.soups()) {
            if (!old.isCurrent()) {
                continue;
            }
            boolean again =
                    plan.chosen().contains(old)
                            && !request.keepSelection()
                            && request.reselector().isPresent();
            Optional<Draft> draft =
                    again
                            ? new Selections(context, request.reselector().get(), session)
                                    .again(old, plan, ingredients)
                            : context.read(q -> without(q, request, plan, old, ingredients));
            draft.ifPresent(d ->
                    made.put(
                            d,
                            maker.make(
                                    session,
                                    d.parts(),
                                    d.keepSum(),
                                    Optional.of(context.read(q -> Start.of(q, old))))));
        }
        return new Replacements(ingredients, made);
    }

    /** The soup without what leaves; empty if nothing is left of it. */
    private static Optional<Draft> without(
            Queries q,
            WithdrawRequest request,
            Plan plan,
            SoupRow old,
            Map<Long, Retrained> retrained) {
        Set<Long> gone = plan.gone().stream().map(IngredientRow::id).collect(Collectors.toSet());
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
        boolean selected = plan.chosen().contains(old);
        if (selected && !request.keepSelection()) {
            throw Selections.notAgain(q, old);
        }
        if (members.isEmpty()) {
            return Optional.empty();
        }
        Draft d = Draft.of(q, old, members);
        return Optional.of(selected ? marked(d) : d);
    }

    private static Draft marked(Draft d) {
        return new Draft(
                d.name(),
                d.method(),
                d.follows(),
                d.keepSum(),
                d.members(),
                Json.object(d.selection()).put(Choices.HELPED, true).build(),
                d.selectedAmong(),
                d.candidates());
    }

    /** Their ingredients' checkpoints. */
    List<String> checkpoints() {
        return ingredients.values().stream().map(Retrained::checkpoint).toList();
    }

    /**
     * In the transaction that appends them: is all still there that they were made of?
     *
     * @throws Overtaken if something is not
     */
    void checkLive(Queries q) {
        soups.keySet().forEach(d -> d.checkLive(q));
    }

    /** Appends them because of a withdrawal; returns the soups. */
    List<SoupRow> append(Ledger.Transaction t, Context context, long withdrawal) {
        Arrivals arrivals = new Arrivals(context);
        ingredients
                .values()
                .forEach(r -> arrivals.append(t, r.ingredient(), r.checkpoint(), r.contents()));
        Soups to = new Soups(context);
        List<SoupRow> rows = new ArrayList<>();
        soups.forEach((d, m) -> rows.add(to.append(t, d, m, Optional.of(withdrawal))));
        return rows;
    }
}
