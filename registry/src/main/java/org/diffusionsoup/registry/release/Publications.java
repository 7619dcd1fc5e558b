package org.diffusionsoup.registry.release;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.Gate;
import org.diffusionsoup.registry.gate.Requirement;
import org.diffusionsoup.registry.gate.Requirement.Overruling;
import org.diffusionsoup.registry.gate.Requirement.Shortfall;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.weights.Choices;
import org.diffusionsoup.registry.weights.Descent;
import org.diffusionsoup.registry.weights.DescentLinks;
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** What is measured of soups, and where they are handed out. */
public final class Publications {
    private final Context context;

    public Publications(Context context) {
        this.context = context;
    }

    /**
     * Records something measured of a soup's current version; returns the entry's number.
     *
     * @throws RegistryException if it does not say what was looked at
     */
    public long evaluate(String soup, String what, boolean passed, JsonObject result) {
        if (what.isBlank()) {
            throw new RegistryException("An evaluation states what was looked at (`what`).");
        }
        if (!what.strip().equals(what) || what.contains("(")) {
            throw new RegistryException(
                    "'"
                            + what
                            + "' would read like another evaluation's name (`what`); leave blanks at its"
                            + " ends and parentheses out.");
        }
        return context.ledger()
                .write(t -> {
                    SoupRow s = Names.current(t, soup);
                    return t.append(
                                    Kind.EVALUATION,
                                    Json.object()
                                            .put("soup", s.id())
                                            .put("what", what)
                                            .put("passed", passed)
                                            .put("result", result)
                                            .build())
                            .seq();
                });
    }

    /**
     * Records that a soup's current version is handed out; returns the entry's number.
     *
     * @throws RegistryException if it is not to be, by what is required or by what it holds
     */
    public long publish(
            String soup,
            String where,
            List<Requirement> required,
            Optional<Overruling> overruling) {
        if (where.isBlank()) {
            throw new RegistryException(
                    "A publication states a place (`to`): a later withdrawal asks there for the"
                            + " soup.");
        }
        return context.ledger()
                .write(t -> {
                    SoupRow s = Names.current(t, soup);
                    refuseRetired(t, s);
                    context.shards().refuseExpired(t, List.of(s.id()));
                    context.shards().refuseChosen(t, s);
                    refuseUntold(t, s);
                    new ReturnedWeights(context.store())
                            .refuseMembers(
                                    t,
                                    s.label(),
                                    s.members().stream().map(m -> m.ingredient()).toList());
                    Gate gate = new Gate(t, s, context.store());
                    List<Shortfall> found =
                            required.stream().flatMap(r -> gate.check(r).stream()).toList();
                    for (Shortfall f : found) {
                        if (!f.measured() || overruling.isEmpty()) {
                            throw new RegistryException(
                                    "Soup "
                                            + s.label()
                                            + " "
                                            + f.problem()
                                            + ", and is not published."
                                            + (f.measured()
                                                    ? " Whoever answers for it may overrule that by name"
                                                            + " and reason, which the ledger keeps."
                                                    : ""));
                        }
                    }
                    List<String> unstated =
                            required.stream().flatMap(r -> gate.unstated(r).stream()).toList();
                    Json.Builder body =
                            Json.object()
                                    .put("soup", s.id())
                                    .put("place", where)
                                    .strings(
                                            "required",
                                            required.stream().map(Requirement::text).toList());
                    if (!found.isEmpty()) {
                        body.strings("overruled", found.stream().map(Shortfall::problem).toList());
                        overruling.ifPresent(o -> body.put("by", o.by()).put("reason", o.reason()));
                    }
                    if (!unstated.isEmpty()) {
                        body.strings("unstated", unstated);
                    }
                    return t.append(Kind.PUBLICATION, body.build()).seq();
                });
    }

    /**
     * Refuses a soup that holds what was retired, itself or by way of its base; there what was
     * recorded again rightly, with the same weights, counts as that.
     */
    private void refuseRetired(Queries q, SoupRow s) {
        List<IngredientRow> all = q.ingredients();
        if (all.stream().noneMatch(i -> i.withdrawn().isEmpty() && i.retired().isPresent())) {
            return; // and what came of what need not be looked up
        }
        Descent descent = DescentLinks.ofLive(q, context.store());
        Set<Long> members = new HashSet<>();
        s.members().forEach(m -> members.add(m.ingredient()));
        Set<String> live = new HashSet<>();
        all.stream().filter(IngredientRow::isLive).forEach(i -> live.add(i.checkpoint()));
        for (long entry : descent.behindBases(List.of(s.id()))) {
            Optional<IngredientRow> retired =
                    q.ingredient(entry)
                            .filter(i -> i.retired().isPresent())
                            .filter(i ->
                                    members.contains(i.id()) || !live.contains(i.checkpoint()));
            if (retired.isPresent()) {
                IngredientRow i = retired.get();
                throw new RegistryException(
                        members.contains(i.id())
                                ? retiredMember(q, s, i)
                                : retiredBehind(s, i, descent));
            }
        }
    }

    /** Refuses what an earlier version left as it was when it had to be chosen again. */
    private static void refuseUntold(Queries q, SoupRow s) {
        for (IngredientRow i : new Choices(q).untold(s)) {
            throw new RegistryException(
                    "Soup "
                            + s.label()
                            + " was chosen with a look at ingredient '"
                            + i.name()
                            + "', which was withdrawn since (entry "
                            + i.withdrawn().orElseThrow()
                            + "); make it again without that ('soup registry make') and publish"
                            + " that.");
        }
    }

    private static String retiredBehind(SoupRow s, IngredientRow i, Descent descent) {
        return "Ingredient '"
                + i.name()
                + "' was retired (entry "
                + i.retired().orElseThrow()
                + ") and is in "
                + descent.where(i.id(), s.id())
                + "; make a soup of ingredients that were not trained from that and publish it, or"
                + " withdraw it with its shard ('soup withdraw').";
    }

    private static String retiredMember(Queries q, SoupRow s, IngredientRow i) {
        return "Soup "
                + s.label()
                + " holds ingredient '"
                + i.name()
                + "', which was retired (entry "
                + i.retired().orElseThrow()
                + "); "
                + Names.remakeCommand(q, s)
                        .map(c -> "make it without ('" + c + "') and publish that.")
                        .orElse(
                                "no other is left to make it of: record one with 'soup ingredient add',"
                                        + " make the soup again, and publish that.");
    }
}
