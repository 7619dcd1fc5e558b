package org.diffusionsoup.workbench.value;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeSet;
import org.diffusionsoup.core.Decimals;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.value.PlayerValue;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/**
 * What a soup's ingredients are worth, in the ledger: an evaluation of the soup, so that a
 * withdrawal can say what leaves with it.
 */
public final class RecordedValues {
    /** What the evaluation is called. */
    private static final String WHAT = "value";

    private RecordedValues() {}

    /**
     * Entries of the ingredients in a registry, which are a soup's own.
     *
     * @return in the order of the request
     * @throws SoupException if the soup's current version has other ingredients
     */
    public static List<Long> entries(Registry registry, String soup, ValueRequest request) {
        List<IngredientRow> given = Providers.recorded(registry, request.ingredients());
        SoupRow s = registry.read(q -> Names.current(q, soup));
        TreeSet<Long> in = new TreeSet<>();
        s.members().forEach(m -> in.add(m.ingredient()));
        List<Long> ids = given.stream().map(IngredientRow::id).toList();
        if (!in.equals(new TreeSet<>(ids))) {
            throw new SoupException(
                    "Soup %s is made of other ingredients than those that are valued; value just its own, %s, to record what they are worth in it."
                            .formatted(
                                    s.label(),
                                    registry.read(q ->
                                            q.ingredients().stream()
                                                    .filter(i -> in.contains(i.id()))
                                                    .map(IngredientRow::name)
                                                    .toList())));
        }
        return ids;
    }

    /**
     * Records the values of a soup's ingredients.
     *
     * @param entries as {@link #entries} gives them
     * @return the entry's number
     */
    public static long record(
            Registry registry,
            String soup,
            List<Long> entries,
            ValueRequest request,
            FoundValues found) {
        List<JsonObject> players = new ArrayList<>();
        for (int i = 0; i < request.players().size(); i++) {
            Player player = request.players().get(i);
            PlayerValue v = found.values().players().get(i);
            players.add(
                    Json.object()
                            .put("name", player.name())
                            .numbers(
                                    "ingredients",
                                    player.members().stream().map(entries::get).toList())
                            .put("shapley", text(v.shapley()))
                            .put("left_out", text(v.leaveOneOut()))
                            .put("alone", text(v.alone()))
                            .build());
        }
        JsonObject result =
                Json.object()
                        .put("judge", found.judge().name())
                        .put("judge_sha256", found.judge().weightsSha256())
                        .put("convention", found.judge().convention())
                        .put("prompts", request.prompts().size())
                        .put("seeds", request.seeds().size())
                        .put("coalitions", found.coalitions().size())
                        .put("journal_sha256", found.journalSha256())
                        .objects("players", players)
                        .build();
        return registry.evaluate(soup, WHAT, true, result);
    }

    /** The ledger signs no fractions: an interval is its text. */
    private static String text(Interval v) {
        return "%s [%s, %s]"
                .formatted(
                        Decimals.signed(v.estimate(), 4),
                        Decimals.signed(v.low(), 4),
                        Decimals.signed(v.high(), 4));
    }

    /**
     * What was last recorded of some ingredients, in sentences by the name of who was valued.
     *
     * @param ingredients their entries
     */
    public static SequencedMap<String, String> of(Registry registry, Collection<Long> ingredients) {
        return registry.read(q -> {
            SequencedMap<String, String> worth = new LinkedHashMap<>();
            for (Entry e : q.entries(Kind.EVALUATION)) {
                if (!Json.string(e.body(), "what").equals(WHAT)) {
                    continue;
                }
                JsonObject result = Json.object(e.body(), "result");
                String soup = q.soup(Json.number(e.body(), "soup")).map(SoupRow::label).orElse("");
                for (JsonObject p : Json.objects(result, "players")) {
                    if (Json.numbers(p, "ingredients").stream().anyMatch(ingredients::contains)) {
                        worth.put(
                                Json.string(p, "name"),
                                "%s by %s in soup %s (Shapley; left out %s; entry %d)"
                                        .formatted(
                                                Json.string(p, "shapley"),
                                                Json.string(result, "judge"),
                                                soup,
                                                Json.string(p, "left_out"),
                                                e.seq()));
                    }
                }
            }
            return worth;
        });
    }
}
