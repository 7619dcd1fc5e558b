package org.diffusionsoup.registry.arrival;

import java.util.List;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;

/** What is said later of ingredients that came: retirements and corrections. */
public final class Amendments {
    private final Context context;

    public Amendments(Context context) {
        this.context = context;
    }

    /**
     * Takes an ingredient out of everything that is made from now on.
     *
     * @throws RegistryException if there is no such ingredient
     */
    public Retired retire(String name, String reason) {
        if (reason.isBlank()) {
            throw new RegistryException("A retirement states a reason (`reason`).");
        }
        return context.ledger()
                .write(t -> {
                    IngredientRow i = Names.ingredient(t, name);
                    long entry =
                            t.append(
                                            Kind.RETIREMENT,
                                            Json.object()
                                                    .put("ingredient", i.id())
                                                    .put("name", name)
                                                    .put("reason", reason)
                                                    .build())
                                    .seq();
                    return new Retired(
                            entry,
                            i,
                            t.soupsWith(List.of(i.id())).stream()
                                    .filter(SoupRow::isCurrent)
                                    .toList());
                });
    }

    /**
     * Records how an ingredient was trained where its entry says it wrongly. The entry stays; from
     * now on the latest correction counts, for training again, for certificates and for deep
     * checks.
     *
     * @param name of a live ingredient
     * @param recipe that it was trained by
     * @param reason in words
     * @return number of the correcting entry
     * @throws RegistryException if there is no such ingredient, or nothing to correct
     */
    public long correctRecipe(String name, JsonObject recipe, String reason) {
        if (reason.isBlank()) {
            throw new RegistryException("A correction states a reason (`reason`).");
        }
        return context.ledger()
                .write(t -> {
                    IngredientRow i = Names.ingredient(t, name);
                    if (Json.canonical(t.recipe(i.id())).equals(Json.canonical(recipe))) {
                        throw new RegistryException(
                                "The ledger has that recipe of ingredient '" + name + "' already.");
                    }
                    return t.append(
                                    Kind.CORRECTION,
                                    Json.object()
                                            .put("corrects", i.id())
                                            .put("name", name)
                                            .put("recipe", recipe)
                                            .put("reason", reason)
                                            .build())
                            .seq();
                });
    }
}
