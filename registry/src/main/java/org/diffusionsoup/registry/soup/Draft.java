package org.diffusionsoup.registry.soup;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.soup.Attempts.Overtaken;
import org.diffusionsoup.registry.soup.SoupMaker.Part;
import org.diffusionsoup.registry.weights.Choices;

/**
 * A soup to append.
 *
 * @param method {@code uniform}, {@code weighted} or {@code search}
 * @param members ids are those of the ledger, 0 for ingredients that the same transaction appends
 * @param selection how a search chose them, as entries have it; without fields if none did
 * @param selectedAmong shards of all ingredients that it chose among
 * @param candidates those ingredients
 */
public record Draft(
        String name,
        String method,
        boolean follows,
        boolean keepSum,
        List<NamedMember> members,
        JsonObject selection,
        List<Long> selectedAmong,
        List<NamedMember> candidates) {
    /** A member with what is needed to average it. */
    public record NamedMember(long id, String name, String checkpoint, Coefficient coefficient) {
        Part part() {
            return new Part(name, checkpoint, coefficient);
        }
    }

    /** A next version of a soup, with these members. */
    public static Draft of(Queries q, SoupRow old, List<NamedMember> members) {
        JsonObject body = q.entry(old.id()).body();
        JsonObject selection =
                body.fields().get("selection") instanceof JsonObject s ? s : Json.object().build();
        List<NamedMember> candidates = new ArrayList<>();
        for (long c : new Choices(q).candidates(old)) {
            IngredientRow i = q.ingredient(c).orElseThrow();
            candidates.add(new NamedMember(c, i.name(), i.checkpoint(), Coefficient.ONE));
        }
        if (!selection.fields().isEmpty() && sawWithdrawn(q, old.selectedAmong(), candidates)) {
            selection = Json.object(selection).put(Choices.HELPED, true).build();
        }
        return new Draft(
                old.name(),
                selection.fields().isEmpty() ? method(members) : "search",
                old.follows(),
                Json.flag(body, "keep_sum"),
                members,
                selection,
                old.selectedAmong(),
                candidates);
    }

    /** How members that no search chose are averaged. */
    static String method(List<NamedMember> members) {
        boolean uniform = members.stream().map(NamedMember::coefficient).distinct().count() == 1;
        return uniform ? "uniform" : "weighted";
    }

    /** What is averaged. */
    public List<Part> parts() {
        return members.stream().map(NamedMember::part).toList();
    }

    /**
     * In the transaction that appends: still there?
     *
     * @throws Overtaken if an ingredient is not, or what a search chose among
     */
    public void checkLive(Queries q) {
        for (NamedMember m : members) {
            if (m.id() != 0 && q.ingredient(m.id()).filter(i -> !i.isLive()).isPresent()) {
                throw new Overtaken();
            }
        }
        if (!Json.flag(selection, Choices.HELPED) && sawWithdrawn(q, selectedAmong, candidates)) {
            throw new Overtaken();
        }
    }

    private static boolean sawWithdrawn(Queries q, List<Long> among, List<NamedMember> candidates) {
        if (among.isEmpty() && candidates.isEmpty()) {
            return false;
        }
        return q.shards().stream()
                        .anyMatch(s -> s.withdrawn().isPresent() && among.contains(s.id()))
                || candidates.stream()
                        .flatMap(c -> q.ingredient(c.id()).stream())
                        .anyMatch(i -> i.withdrawn().isPresent());
    }
}
