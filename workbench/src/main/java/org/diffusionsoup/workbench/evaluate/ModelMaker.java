package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Training;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/**
 * Makes the models of a recipe: trains, averages, searches. A model's folder is named by the hash
 * of all that it is made of, so what is there is never made again, and a changed recipe never meets
 * an old model.
 */
final class ModelMaker {
    /** The search a recipe may ask for; the caller knows judges and prompts. */
    interface Searcher {
        /** What the result depends on besides method and ingredients. */
        String identity(ModelSpec.Search spec);

        /** Searches, or goes on with a search that was killed, and writes what was found. */
        void search(ModelSpec.Search spec, List<Path> ingredients, Path out);
    }

    private final EvaluationRecipe recipe;
    private final Path folder;
    private final Searcher searcher;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param folder of the models that are made
     */
    ModelMaker(
            EvaluationRecipe recipe,
            Path folder,
            Searcher searcher,
            Progress progress,
            BooleanSupplier stop) {
        this.recipe = recipe;
        this.folder = folder;
        this.searcher = searcher;
        this.progress = progress;
        this.stop = stop;
    }

    /** Folders by model name, in the recipe's order; empty when asked to stop. */
    Optional<Map<String, Path>> make() {
        // Told before hours of training, not after.
        recipe.models()
                .values()
                .forEach(spec -> {
                    if (spec instanceof ModelSpec.Folder f) {
                        ModelHash.of(f.path());
                    }
                });
        Map<String, Path> made = new LinkedHashMap<>();
        for (Map.Entry<String, ModelSpec> model : recipe.models().entrySet()) {
            switch (model.getValue()) {
                case ModelSpec.Folder f -> made.put(model.getKey(), f.path());
                case ModelSpec.Train t -> {
                    Optional<Path> out = train(model.getKey(), t);
                    if (out.isEmpty()) {
                        return Optional.empty();
                    }
                    made.put(model.getKey(), out.get());
                }
                case ModelSpec.Soup s -> {
                    Path out = named(model.getKey(), "soup\n" + hashes(s.of(), made));
                    if (!Files.exists(out)) {
                        Souper.create()
                                .make(
                                        folders(s.of(), made).stream()
                                                .map(SoupIngredient::of)
                                                .toList(),
                                        out);
                    }
                    made.put(model.getKey(), out);
                }
                case ModelSpec.Search s -> {
                    Path out =
                            named(
                                    model.getKey(),
                                    s.method()
                                            + "\n"
                                            + searcher.identity(s)
                                            + hashes(s.of(), made));
                    if (!Files.exists(out)) {
                        searcher.search(s, folders(s.of(), made), out);
                    }
                    made.put(model.getKey(), out);
                }
            }
        }
        return Optional.of(made);
    }

    private Optional<Path> train(String name, ModelSpec.Train spec) {
        Training t = recipe.training().orElseThrow();
        long steps = spec.steps() > 0 ? spec.steps() : t.steps();
        StringBuilder identity = new StringBuilder("train\n");
        identity.append(ModelHash.of(t.base())).append('\n');
        for (String shard : spec.shards()) {
            identity.append(ShardRef.parse(shard).open().train().sha256()).append('\n');
        }
        identity.append(steps + " " + t.batch() + " " + t.seed());
        TrainingOptions usual = FineTuneRequest.embeddedDefaults(steps, t.seed());
        if (t.rate() != usual.learningRate()) { // caches of earlier versions stay good
            identity.append(" " + t.rate());
        }
        Path out = named(name, identity.toString());
        if (Files.exists(out)) {
            return Optional.of(out);
        }
        FineTuneRequest request =
                new FineTuneRequest(
                        t.base(),
                        spec.shards(),
                        out,
                        usual.withBatch(t.batch()).withLearningRate(t.rate()),
                        0.1,
                        FineTuneRequest.CHECKPOINT_EVERY,
                        false);
        return new FineTuner(request, progress, stop).run().map(FineTuner.Result::out);
    }

    private Path named(String name, String identity) {
        String hash = Hashes.sha256Hex(identity.getBytes(StandardCharsets.UTF_8));
        return folder.resolve(
                name.replaceAll("[^A-Za-z0-9._-]+", "-") + "-" + hash.substring(0, 10));
    }

    private static List<Path> folders(List<String> names, Map<String, Path> made) {
        return names.stream()
                .map(n ->
                        Optional.ofNullable(made.get(n))
                                .orElseThrow(
                                        () -> new SoupException("There is no model " + n + ".")))
                .toList();
    }

    private static String hashes(List<String> names, Map<String, Path> made) {
        StringBuilder all = new StringBuilder();
        folders(names, made).forEach(f -> all.append(ModelHash.of(f)).append('\n'));
        return all.toString();
    }
}
