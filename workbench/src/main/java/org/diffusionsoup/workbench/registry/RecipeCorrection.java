package org.diffusionsoup.workbench.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.store.WeightStore;

/**
 * Mends ledgers that hold another recipe of an ingredient than the one in the header of what was
 * trained: a correcting entry says what the weights say.
 */
public final class RecipeCorrection {
    private RecipeCorrection() {}

    /**
     * An ingredient whose recipe was corrected.
     *
     * @param entry the correcting entry
     */
    public record Corrected(long entry, String ingredient, JsonObject recipe) {}

    /**
     * Corrects ingredients by the recipes in their weights.
     *
     * @param names of live ingredients; empty: every live one whose recorded recipe is another
     * @param reason in words, for the ledger
     * @throws SoupException if a named ingredient's weights carry no recipe, or the ledger has it
     */
    public static List<Corrected> run(Registry registry, List<String> names, String reason) {
        List<IngredientRow> live =
                registry.read(q -> q.ingredients().stream().filter(i -> i.isLive()).toList());
        for (String name : names) {
            if (live.stream().noneMatch(i -> i.name().equals(name))) {
                throw new SoupException(
                        "There is no live ingredient '"
                                + name
                                + "', only "
                                + live.stream().map(IngredientRow::name).toList()
                                + ".");
            }
        }
        List<Corrected> done = new ArrayList<>();
        for (IngredientRow i : live) {
            if (!names.isEmpty() && !names.contains(i.name())) {
                continue;
            }
            JsonObject recipe = inWeights(registry.store(), i);
            // As they are hashed: 1 and 1.0 are one number there.
            String recorded = registry.read(q -> Json.canonical(q.recipe(i.id())));
            boolean same = recorded.equals(Json.canonical(recipe));
            if (names.isEmpty() && (same || recipe.fields().isEmpty())) {
                continue;
            }
            if (recipe.fields().isEmpty()) {
                throw new SoupException(
                        "The weights of ingredient '"
                                + i.name()
                                + "' carry no recipe of 'soup train' that its entry could be"
                                + " corrected by.");
            }
            done.add(
                    new Corrected(
                            registry.correctRecipe(i.name(), recipe, reason), i.name(), recipe));
        }
        return done;
    }

    private static JsonObject inWeights(WeightStore store, IngredientRow i) {
        try (WeightStore.Session session = store.open()) {
            // Headers are enough: the values are left as holes.
            Path outline =
                    store.rebuildOutline(
                            i.checkpoint(), session.work().resolve("correct-" + i.id()));
            return TrainingRecipe.ofWeights(outline);
        }
    }
}
