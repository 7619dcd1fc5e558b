package org.diffusionsoup.registry.arrival;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.TrainedOn;

/**
 * An ingredient to be recorded.
 *
 * @param name unique among those that are not withdrawn; soups carry it in their headers
 * @param base name of the base it started from
 * @param shards names of the shards it was trained on
 * @param weights its checkpoint
 * @param recipe how it was trained, as far as known: enough to train it again
 * @param codeVersion version of the code that trained it, empty if unknown
 * @param trainedOn what it was trained on, on which the last bits of its weights depend; empty if
 *     unknown
 */
public record NewIngredient(
        String name,
        String base,
        List<String> shards,
        Path weights,
        JsonObject recipe,
        String codeVersion,
        Optional<TrainedOn> trainedOn) {
    public NewIngredient {
        Names.check("ingredient", name);
        shards = List.copyOf(shards);
        if (!codeVersion.isEmpty() && codeVersion.isBlank()) {
            throw new RegistryException(
                    "Ingredient '"
                            + name
                            + "' has blanks for the version of the code (`codeVersion`); say which,"
                            + " or leave that out.");
        }
    }

    /** One of which nobody knows what it was trained on. */
    public NewIngredient(
            String name,
            String base,
            List<String> shards,
            Path weights,
            JsonObject recipe,
            String codeVersion) {
        this(name, base, shards, weights, recipe, codeVersion, Optional.empty());
    }
}
