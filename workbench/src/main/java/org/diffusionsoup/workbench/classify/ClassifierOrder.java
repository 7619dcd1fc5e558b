package org.diffusionsoup.workbench.classify;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.model.StableDiffusion;

/**
 * Whether models stand in the order of a classifier's shards. The classifier's k-th probability is
 * the k-th model's coefficient; in another order every model would be asked for what it does not
 * know, and the pictures would not show it.
 */
public final class ClassifierOrder {
    private ClassifierOrder() {}

    /**
     * Refuses ingredients of which one was trained on a shard that the classifier has at another
     * place. Models that do not say what they were trained on, or were trained on shards that the
     * classifier does not know, pass.
     *
     * @param models folders in diffusers layout, in the order in which the classifier is to weigh
     *     them
     * @param classifier folder of a classifier
     * @throws SoupException naming the model, its place, and the place of its shard
     */
    public static void check(List<Path> models, Path classifier) {
        List<String> shards =
                recipe(classifier.resolve(ShardClassifier.WEIGHTS))
                        .map(r -> texts(r, "shards_sha256"))
                        .orElse(List.of());
        for (int i = 0; i < Math.min(models.size(), shards.size()); i++) {
            List<String> own = trainedOn(models.get(i));
            int at = own.stream().mapToInt(shards::indexOf).filter(k -> k >= 0).min().orElse(i);
            if (!own.contains(shards.get(i)) && at != i) {
                throw new SoupException(
                        "%s is model %d, but was trained on shard %d of %s; name the models in the order in which the classifier was given their shards."
                                .formatted(models.get(i), i + 1, at + 1, classifier));
            }
        }
    }

    private static List<String> trainedOn(Path model) {
        return recipe(model.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS)).stream()
                .flatMap(r -> items(r, "shards"))
                .filter(JsonObject.class::isInstance)
                .flatMap(s -> ((JsonObject) s).string("sha256").stream())
                .toList();
    }

    private static List<String> texts(JsonObject o, String field) {
        return items(o, field)
                .filter(JsonString.class::isInstance)
                .map(v -> ((JsonString) v).value())
                .toList();
    }

    private static Stream<JsonValue> items(JsonObject o, String field) {
        return o.get(field).orElse(null) instanceof JsonArray(List<JsonValue> items)
                ? items.stream()
                : Stream.empty();
    }

    private static Optional<JsonObject> recipe(Path weights) {
        if (!Files.isRegularFile(weights)) {
            return Optional.empty();
        }
        try (SafetensorsFile file = SafetensorsFile.open(weights)) {
            return Provenance.readFrom(file.metadata())
                    .map(Provenance::recipe)
                    .filter(SoupRecipe::isJson)
                    .map(r -> r.parse(weights).fields());
        }
    }
}
