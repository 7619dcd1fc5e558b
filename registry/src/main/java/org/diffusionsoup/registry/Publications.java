package org.diffusionsoup.registry;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
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
import org.diffusionsoup.registry.weights.ReturnedWeights;

/** What is measured of soups, and where they are handed out. */
final class Publications {
    private final Registry registry;

    Publications(Registry registry) {
        this.registry = registry;
    }

    long evaluate(String soup, String what, boolean passed, JsonObject result) {
        return registry.ledger()
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

    long publish(
            String soup,
            String where,
            List<Requirement> required,
            Optional<Overruling> overruling) {
        return registry.ledger()
                .write(t -> {
                    SoupRow s = Names.current(t, soup);
                    refuseRetired(t, s);
                    new ReturnedWeights(registry.store())
                            .refuseMembers(
                                    t,
                                    s.label(),
                                    s.members().stream().map(m -> m.ingredient()).toList());
                    Gate gate = new Gate(t, s);
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
                    return t.append(Kind.PUBLICATION, body.build()).seq();
                });
    }

    private static void refuseRetired(Queries q, SoupRow s) {
        s.members()
                .forEach(m ->
                        q.ingredient(m.ingredient())
                                .filter(i -> i.retired().isPresent())
                                .ifPresent(i -> {
                                    throw new RegistryException(retiredMember(q, s, i));
                                }));
    }

    private static String retiredMember(Queries q, SoupRow s, IngredientRow i) {
        return "Soup "
                + s.label()
                + " holds ingredient '"
                + i.name()
                + "', which was retired (entry "
                + i.retired().orElseThrow()
                + "); "
                + Soups.remake(q, s)
                        .map(c -> "make it without ('" + c + "') and publish that.")
                        .orElse(
                                "no other is left to make it of: record one with 'soup ingredient add',"
                                        + " make the soup again, and publish that.");
    }
}
