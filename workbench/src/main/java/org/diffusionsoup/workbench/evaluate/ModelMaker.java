package org.diffusionsoup.workbench.evaluate;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.classify.ShardClassifierTrainer;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Training;
import org.diffusionsoup.workbench.job.Resumption;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;

/**
 * Makes the models of a recipe: trains, averages, searches. A model's folder is named by the hash
 * of all that it is made of, so what is there is never made again, and a changed recipe never meets
 * an old model; nor, by its hash, one that was damaged since.
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
    private final KeptFiles kept;
    private final Searcher searcher;
    private final Progress progress;
    private final BooleanSupplier stop;

    /**
     * @param folder of the models that are made
     * @param kept of the cache that holds the folder
     */
    ModelMaker(
            EvaluationRecipe recipe,
            Path folder,
            KeptFiles kept,
            Searcher searcher,
            Progress progress,
            BooleanSupplier stop) {
        this.recipe = recipe;
        this.folder = folder;
        this.kept = kept;
        this.searcher = searcher;
        this.progress = progress;
        this.stop = stop;
    }

    /** Models by name, in the recipe's order; empty when asked to stop. */
    Optional<Map<String, MadeModel>> make() {
        // Told before hours of training, not after.
        recipe.models()
                .values()
                .forEach(spec -> {
                    if (spec instanceof ModelSpec.Folder f) {
                        ModelHash.of(f.path());
                    }
                });
        Map<String, MadeModel> made = new LinkedHashMap<>();
        for (Map.Entry<String, ModelSpec> model : recipe.models().entrySet()) {
            if (stop.getAsBoolean()) {
                return Optional.empty();
            }
            Optional<MadeModel> one = make(model.getKey(), model.getValue(), made);
            if (one.isEmpty()) {
                return Optional.empty();
            }
            made.put(model.getKey(), one.get());
        }
        return Optional.of(made);
    }

    private Optional<MadeModel> make(String name, ModelSpec spec, Map<String, MadeModel> made) {
        return switch (spec) {
            case ModelSpec.Folder f -> Optional.of(MadeModel.of(f.path()));
            case ModelSpec.Train t -> train(t).map(MadeModel::of);
            case ModelSpec.Soup s -> Optional.of(MadeModel.of(soup(name, s, made)));
            case ModelSpec.Ensemble e ->
                    Optional.of(
                            MadeModel.ensemble(
                                    folders(e.of(), made),
                                    e.coefficients().stream().map(Coefficient::value).toList(),
                                    e.sequential()));
            case ModelSpec.Classified c ->
                    classifier(name, c)
                            .map(classifier ->
                                    new MadeModel(
                                            folders(c.of(), made),
                                            List.of(),
                                            Optional.of(classifier),
                                            c.resouped(),
                                            c.sequential()));
            case ModelSpec.Search s -> Optional.of(MadeModel.of(search(name, s, made)));
        };
    }

    private Path soup(String name, ModelSpec.Soup spec, Map<String, MadeModel> made) {
        List<Path> of = folders(spec.of(), made);
        List<SoupIngredient> ingredients = new ArrayList<>();
        for (int i = 0; i < of.size(); i++) {
            ingredients.add(
                    spec.coefficients().isEmpty()
                            ? SoupIngredient.of(of.get(i))
                            : SoupIngredient.of(of.get(i), spec.coefficients().get(i)));
        }
        String weights = spec.coefficients().isEmpty() ? "" : spec.coefficients() + "\n";
        Path out = named(name, "soup\n" + weights + hashes(of));
        if (!kept.has(out)) {
            Souper.create().make(ingredients, out);
            kept.keep(out);
        }
        return out;
    }

    private Path search(String name, ModelSpec.Search spec, Map<String, MadeModel> made) {
        List<Path> of = folders(spec.of(), made);
        Path out = named(name, spec.method() + "\n" + searcher.identity(spec) + hashes(of));
        if (!kept.has(out)) {
            searcher.search(spec, of, out);
            kept.keep(out);
        }
        return out;
    }

    /** The classifier of the models' shards, trained unless it is there. */
    private Optional<Path> classifier(String name, ModelSpec.Classified spec) {
        List<String> shards = new ArrayList<>();
        StringBuilder identity = new StringBuilder("classifier\n");
        Training how = null;
        for (String part : spec.of()) {
            ModelSpec.Train t = (ModelSpec.Train) recipe.models().get(part);
            if (t == null || t.shards().size() != 1) {
                throw new SoupException(
                        "Model %s asks a classifier, which needs models of one shard each; %s has other data."
                                .formatted(name, part));
            }
            how = t.how();
            shards.add(t.shards().getFirst());
            identity.append(ShardRef.parse(t.shards().getFirst()).open().train().sha256());
            identity.append('\n');
        }
        Training training = Optional.ofNullable(how).orElseThrow();
        identity.append(ModelHash.of(training.base()))
                .append(" " + ShardClassifierTrainer.STEPS + " " + training.seed());
        Path out = named("classifier", identity.toString());
        if (kept.has(out)) {
            return Optional.of(out);
        }
        Path work = out.resolveSibling(out.getFileName() + ".training");
        Resumption.tell(
                progress,
                "The classifier",
                Resumption.stateIn(work, "classifier"),
                ShardClassifierTrainer.STEPS);
        return new ShardClassifierTrainer(training.base(), shards, spec.of(), work, progress, stop)
                .run(ShardClassifierTrainer.STEPS, training.seed(), out)
                .map(accuracy -> {
                    kept.keep(out);
                    return out;
                });
    }

    /** The model, taken from its run; the run is made unless it is there. */
    private Optional<Path> train(ModelSpec.Train spec) {
        Training t = spec.how();
        StringBuilder identity = new StringBuilder("train\n");
        identity.append(ModelHash.of(t.base())).append('\n');
        for (String shard : spec.shards()) {
            identity.append(ShardRef.parse(shard).open().train().sha256()).append('\n');
        }
        identity.append(t.steps() + " " + t.batch() + " " + t.seed());
        TrainingOptions usual = FineTuneRequest.embeddedDefaults(t.steps(), t.seed());
        if (t.rate() != usual.learningRate()) { // caches of earlier versions stay good
            identity.append(" " + t.rate());
        }
        if (t.keepEvery() > 0) {
            identity.append(" every " + t.keepEvery());
        }
        if (t.lora() > 0) {
            identity.append(" lora " + t.lora());
        }
        if (!t.loss().equals(DenoisingLoss.PLAIN)) {
            identity.append(" min-snr " + t.loss().minSnr());
            identity.append(" offset-noise " + t.loss().offsetNoise());
        }
        Path out = named(spec.label(), identity.toString());
        FineTuneRequest request =
                new FineTuneRequest(
                                t.base(),
                                spec.shards(),
                                out,
                                usual.withBatch(t.batch()).withLearningRate(t.rate()),
                                0.1,
                                FineTuneRequest.CHECKPOINT_EVERY,
                                false)
                        .training(
                                t.lora() == 0
                                        ? Optional.empty()
                                        : Optional.of(new LowRankOptions(t.lora())))
                        .minimising(t.loss())
                        .keeping(t.keepEvery());
        Path wanted = spec.after() == t.steps() ? out : request.keptFolder(spec.after());
        if (kept.has(wanted) && kept.has(out)) {
            return Optional.of(wanted);
        }
        return new FineTuner(request, progress, stop)
                .run()
                .map(done -> {
                    done.kept().forEach(kept::keep);
                    kept.keep(out);
                    return wanted;
                });
    }

    private Path named(String name, String identity) {
        String hash = Hashes.sha256Hex(identity.getBytes(StandardCharsets.UTF_8));
        return folder.resolve(fileName(name, hash));
    }

    /** A name that says what it is, and the beginning of the hash of all it is made of. */
    static String fileName(String name, String hash) {
        return name.replaceAll("[^A-Za-z0-9._-]+", "-") + "-" + hash.substring(0, 10);
    }

    private static List<Path> folders(List<String> names, Map<String, MadeModel> made) {
        return names.stream()
                .map(n ->
                        Optional.ofNullable(made.get(n))
                                .orElseThrow(
                                        () -> new SoupException("There is no model " + n + "."))
                                .folders()
                                .getFirst())
                .toList();
    }

    private static String hashes(List<Path> folders) {
        return folders.stream().map(f -> ModelHash.of(f) + "\n").collect(Collectors.joining());
    }
}
