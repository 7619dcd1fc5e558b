package org.diffusionsoup.workbench.classify;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * Models in the order of a classifier's shards. The classifier's k-th probability is the k-th
 * model's coefficient; in another order every model would be asked for what it does not know, and
 * the pictures would not show it. So models are matched by the hashes of shards that their recipes
 * and the classifier's hold: both are of the rows to train on, in key order, whatever reference or
 * file named them.
 *
 * @param models those given, the k-th for the classifier's k-th shard
 * @param notes sentences on what was put into another order, or could not be matched
 */
public record ClassifierOrder(List<Path> models, List<String> notes) {
    public ClassifierOrder {
        models = List.copyOf(models);
        notes = List.copyOf(notes);
    }

    /** Rows that a model was trained on. */
    private record Data(String name, String sha256) {}

    /**
     * Finds each model's shard. Models that do not record what they were trained on get the shards
     * that are left, in the order given, and a note says which.
     *
     * @param given folders in diffusers layout, as many as the classifier has shards
     * @param classifier folder of a classifier
     * @throws SoupException naming model and shard, if there are more or fewer models than shards,
     *     or a model was trained on none of the classifier's shards, on several, or on one that
     *     another model has
     */
    public static ClassifierOrder of(List<Path> given, Path classifier) {
        List<String> names =
                ShardClassifier.Config.of(JsonConfig.read(classifier.resolve("config.json")))
                        .shards();
        if (given.size() != names.size()) {
            throw new SoupException(
                    "The classifier %s tells %d shards apart (%s), and there are %d models; give one per shard."
                            .formatted(
                                    classifier,
                                    names.size(),
                                    String.join(", ", names),
                                    given.size()));
        }
        List<String> hashes =
                recipe(classifier.resolve(ShardClassifier.WEIGHTS))
                        .map(r -> texts(r, "shards_sha256"))
                        .filter(h -> h.size() == names.size())
                        .orElse(List.of());
        return new Matching(given, classifier, names, hashes).order();
    }

    /**
     * @param names of the classifier's shards
     * @param hashes of them; empty if it has none
     */
    private record Matching(
            List<Path> given, Path classifier, List<String> names, List<String> hashes) {
        ClassifierOrder order() {
            int[] modelOf = new int[names.size()];
            Arrays.fill(modelOf, -1);
            List<Integer> silent = new ArrayList<>();
            List<String> notes = new ArrayList<>();
            for (int i = 0; i < given.size(); i++) {
                List<Data> own = hashes.isEmpty() ? List.of() : trainedOn(given.get(i));
                if (own.isEmpty()) {
                    silent.add(i);
                    continue;
                }
                int k = shard(given.get(i), own, notes);
                if (modelOf[k] >= 0) {
                    throw new SoupException(
                            "%s and %s were both trained on shard %s of the classifier %s; give one model per shard."
                                    .formatted(
                                            given.get(modelOf[k]),
                                            given.get(i),
                                            names.get(k),
                                            classifier));
                }
                modelOf[k] = i;
            }
            boolean moved = IntStream.range(0, modelOf.length).anyMatch(k -> isMoved(modelOf, k));
            if (moved) {
                notes.addFirst(
                        "The order of `model` is not that of the classifier's shards; models are matched by the shards that their recipes record: %s."
                                .formatted(
                                        pairs(
                                                modelOf,
                                                IntStream.range(0, modelOf.length)
                                                        .filter(k -> modelOf[k] >= 0))));
            }
            if (!silent.isEmpty()) {
                int[] left =
                        IntStream.range(0, modelOf.length).filter(k -> modelOf[k] < 0).toArray();
                for (int j = 0; j < left.length; j++) {
                    modelOf[left[j]] = silent.get(j);
                }
                notes.add(
                        "%s not record which shards, so %s: %s."
                                .formatted(
                                        hashes.isEmpty()
                                                ? "The classifier " + classifier + " does"
                                                : silent.stream()
                                                                .map(i -> given.get(i).toString())
                                                                .collect(
                                                                        Collectors.joining(" and "))
                                                        + (silent.size() == 1 ? " does" : " do"),
                                        left.length == 1
                                                ? "it gets the shard that is left"
                                                : "the order of `model` is taken for the order of the classifier's shards",
                                        pairs(modelOf, Arrays.stream(left))));
            }
            return new ClassifierOrder(Arrays.stream(modelOf).mapToObj(given::get).toList(), notes);
        }

        private static boolean isMoved(int[] modelOf, int k) {
            return modelOf[k] >= 0 && modelOf[k] != k;
        }

        private String pairs(int[] modelOf, IntStream shards) {
            return shards.mapToObj(k -> given.get(modelOf[k]) + " for " + names.get(k))
                    .collect(Collectors.joining(", "));
        }

        /** The one shard of the classifier that a model was trained on. */
        private int shard(Path model, List<Data> own, List<String> notes) {
            List<String> recorded = own.stream().map(Data::sha256).toList();
            int[] known =
                    IntStream.range(0, hashes.size())
                            .filter(k -> recorded.contains(hashes.get(k)))
                            .toArray();
            if (known.length == 0) {
                throw new SoupException(
                        "%s was trained on %s, whose rows are none of the classifier %s's shards (%s); give the models of these, or train a classifier of the models' own shards with 'soup judge classifier'."
                                .formatted(
                                        model, names(own), classifier, String.join(", ", names)));
            }
            if (known.length > 1) {
                throw new SoupException(
                        "%s was trained on %d shards of the classifier %s (%s), which weighs models of one shard each; train a model on each of them."
                                .formatted(
                                        model,
                                        known.length,
                                        classifier,
                                        Arrays.stream(known)
                                                .mapToObj(names::get)
                                                .collect(Collectors.joining(", "))));
            }
            List<Data> others = own.stream().filter(d -> !hashes.contains(d.sha256())).toList();
            if (!others.isEmpty()) {
                notes.add(
                        "%s was trained on %s, too, which the classifier does not know: it is weighed by %s alone."
                                .formatted(model, names(others), names.get(known[0])));
            }
            return known[0];
        }

        private static String names(List<Data> data) {
            return data.stream().map(Data::name).collect(Collectors.joining(", "));
        }
    }

    private static List<Data> trainedOn(Path model) {
        return recipe(model.resolve("unet").resolve(StableDiffusion.DIFFUSERS_WEIGHTS)).stream()
                .flatMap(r -> items(r, "shards"))
                .filter(JsonObject.class::isInstance)
                .map(JsonObject.class::cast)
                .flatMap(s ->
                        s.string("sha256").stream()
                                .map(h -> new Data(s.string("name").orElse(h), h)))
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
