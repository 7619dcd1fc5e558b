package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.Generator;

/**
 * Runs a recipe: makes its models, draws every prompt with every seed by each of them from the same
 * noise, has every judge score every picture, compares. Pictures and scores are kept in a cache: a
 * run that was killed goes on where it stopped, and no picture is drawn twice.
 *
 * <p>One model or one judge is in memory at a time, and one batch of pictures.
 */
public final class Evaluator {
    private static final int BATCH = 32;
    private final EvaluationRecipe recipe;
    private final Path cache;
    private final ModelMaker.Searcher searcher;
    private final Progress progress;
    private final BooleanSupplier stop;
    private final Consumer<String> notes;
    private final Set<Path> drawn = new HashSet<>();

    /**
     * @param cache folder of pictures, scores and models that were made
     * @param stop polled between batches; when true, the run ends and can be taken up again
     * @param notes told a sentence that names what is damaged in the cache and made anew
     */
    public Evaluator(
            EvaluationRecipe recipe,
            Path cache,
            Progress progress,
            BooleanSupplier stop,
            Consumer<String> notes) {
        this.recipe = recipe;
        this.cache = cache;
        this.progress = progress;
        this.stop = stop;
        this.notes = notes;
        searcher = new RecipeSearch(recipe, progress);
    }

    /**
     * Runs; empty when asked to stop.
     *
     * @throws SoupException if a model's or judge's file is missing, or a prompt has no question,
     *     before any shard is made and anything is trained or drawn
     */
    public Optional<Evaluation> run() {
        recipe.judges()
                .forEach((name, judge) -> {
                    judge.requireFiles(name, recipe.shards().keySet());
                    judge.requireQuestions(recipe.prompts());
                });
        KeptFiles kept = new KeptFiles(cache, ModelHash::counts, notes);
        if (!recipe.shards().isEmpty()) {
            RecipeShards shards = new RecipeShards(cache.resolve("shards"), kept, progress);
            EvaluationRecipe made = recipe.withShards(shards.make(recipe.shards()));
            return new Evaluator(made, cache, progress, stop, notes).run();
        }
        long start = System.nanoTime();
        Optional<Map<String, MadeModel>> made =
                new ModelMaker(recipe, cache.resolve("models"), kept, searcher, progress, stop)
                        .make();
        if (made.isEmpty()) {
            return Optional.empty();
        }
        List<Evaluation.Model> models = new ArrayList<>();
        List<Wanted> wanted = new ArrayList<>();
        made.get().forEach((name, model) -> wanted.add(wanted(name, model)));
        tellKept(wanted);
        for (Wanted model : wanted) {
            if (!draw(model)) {
                return Optional.empty();
            }
            models.add(model.model());
        }
        List<Evaluation.Judged> judged = new ArrayList<>();
        for (Map.Entry<String, RecipeJudge> judge : recipe.judges().entrySet()) {
            try (PictureScorer scorer = judge.getValue().open()) {
                List<ScoreSet> sets = new ArrayList<>();
                for (Evaluation.Model model : models) {
                    if (stop.getAsBoolean()) {
                        return Optional.empty();
                    }
                    sets.add(score(scorer, judge.getKey(), model));
                }
                judged.add(
                        new Evaluation.Judged(
                                judge.getKey(),
                                sets,
                                ScoreTable.compare(
                                        sets, recipe.tableBaseline(), Bootstrap.seeded(0))));
            }
        }
        return Optional.of(
                new Evaluation(
                        recipe, models, judged, drawn.size(), (System.nanoTime() - start) / 1e9));
    }

    /** A model's pictures, and which of them are not in the cache. */
    private record Wanted(Evaluation.Model model, List<Missing> missing) {}

    /** What an earlier run had drawn: otherwise a run that goes on looks like one that starts. */
    private void tellKept(List<Wanted> wanted) {
        long each = (long) recipe.prompts().size() * recipe.seeds().size();
        long all = wanted.size() * each;
        long missing = wanted.stream().mapToLong(w -> w.missing().size()).sum();
        if (missing < all) {
            progress.tell(
                    "%s of %s are kept."
                            .formatted(Plural.grouped(all - missing), Plural.of(all, "picture")));
        }
    }

    private Wanted wanted(String name, MadeModel made) {
        PictureCache pictures = new PictureCache(cache.resolve("pictures"), notes);
        String hash = made.hash();
        List<List<Path>> files = new ArrayList<>();
        List<Missing> missing = new ArrayList<>();
        for (String prompt : recipe.prompts()) {
            List<Path> row = new ArrayList<>();
            for (long seed : recipe.seeds()) {
                Path file = pictures.file(hash, prompt, seed, recipe.settings());
                if (!pictures.has(file, prompt, seed, recipe.settings())) {
                    missing.add(new Missing(file, prompt, seed));
                }
                row.add(file);
            }
            files.add(row);
        }
        return new Wanted(new Evaluation.Model(name, made, hash, files), missing);
    }

    /** Draws what is missing; false when asked to stop. */
    private boolean draw(Wanted wanted) {
        PictureCache pictures = new PictureCache(cache.resolve("pictures"), notes);
        List<Missing> missing = new ArrayList<>(wanted.missing());
        missing.removeIf(m -> drawn.contains(m.file())); // by a model of the same weights
        if (!missing.isEmpty()) {
            try (Generator generator = wanted.model().made().open(recipe.settings())) {
                int batch = recipe.settings().batch();
                for (int from = 0; from < missing.size(); from += batch) {
                    if (stop.getAsBoolean()) {
                        return false;
                    }
                    List<Missing> some =
                            missing.subList(from, Math.min(from + batch, missing.size()));
                    List<RgbImage> images =
                            generator.pictures(
                                    some.stream().map(Missing::prompt).toList(),
                                    some.stream().map(Missing::seed).toList(),
                                    progress);
                    for (int i = 0; i < images.size(); i++) {
                        Missing m = some.get(i);
                        pictures.put(m.file(), images.get(i), generator, m.prompt(), m.seed());
                        drawn.add(m.file());
                    }
                }
            }
        }
        return true;
    }

    private record Missing(Path file, String prompt, long seed) {}

    /** One judge's scores of one model: from the cache, or judged now and kept. */
    private ScoreSet score(PictureScorer scorer, String judge, Evaluation.Model model) {
        List<Path> files = model.pictures().stream().flatMap(List::stream).toList();
        StringBuilder identity = new StringBuilder("scores-1\n");
        identity.append(scorer.judge().name()).append('\n');
        identity.append(scorer.judge().weightsSha256()).append('\n');
        identity.append(scorer.judge().convention()).append('\n');
        files.forEach(f -> identity.append(f.getFileName()).append('\n'));
        String key = Hashes.sha256Hex(identity.toString().getBytes(StandardCharsets.UTF_8));
        Path kept = cache.resolve("scores").resolve(key + ".json");
        double[] flat = Files.isRegularFile(kept) ? read(kept, key, files.size()) : new double[0];
        if (flat.length == 0) {
            flat = judge(scorer, judge + ": " + model.name(), files);
            ArrayNode array = JsonMappers.PLAIN.createArrayNode();
            for (double v : flat) {
                array.add(v);
            }
            ObjectNode entry = JsonMappers.PLAIN.createObjectNode();
            entry.set("scores", array);
            entry.put("sha256", checksum(key, array));
            AtomicFiles.write(kept, entry.toString().getBytes(StandardCharsets.UTF_8));
        }
        int seeds = recipe.seeds().size();
        double[][] values = new double[recipe.prompts().size()][seeds];
        for (int i = 0; i < flat.length; i++) {
            values[i / seeds][i % seeds] = flat[i];
        }
        return ScoreSet.of(model.name(), scorer.judge(), recipe.prompts(), values);
    }

    private double[] judge(PictureScorer scorer, String task, List<Path> files) {
        progress.start("judge " + task, files.size(), "images");
        double[] out = new double[files.size()];
        int seeds = recipe.seeds().size();
        for (int from = 0; from < out.length; from += BATCH) {
            int to = Math.min(from + BATCH, out.length);
            List<Picture> pictures = new ArrayList<>();
            List<String> captions = new ArrayList<>();
            for (int i = from; i < to; i++) {
                pictures.add(PictureScores.picture(PictureCache.read(files.get(i))));
                captions.add(recipe.prompts().get(i / seeds));
            }
            double[] scores = scorer.score(pictures, captions);
            System.arraycopy(scores, 0, out, from, scores.length);
            progress.advance(to - from);
        }
        return out;
    }

    /** Of scores and of what they are of. */
    private static String checksum(String key, JsonNode scores) {
        return Hashes.sha256Hex((key + "\n" + scores).getBytes(StandardCharsets.UTF_8));
    }

    /** Empty when the file is not what was kept; it is then judged again. */
    private double[] read(Path file, String key, int expected) {
        JsonNode entry;
        try {
            entry = JsonMappers.PLAIN.readTree(file.toFile());
        } catch (JsonProcessingException e) {
            entry = JsonMappers.PLAIN.missingNode();
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        if (entry.isArray()) {
            return new double[0]; // of an earlier version, without a checksum
        }
        JsonNode scores = entry.path("scores");
        if (scores.size() != expected
                || !entry.path("sha256").asText().equals(checksum(key, scores))) {
            notes.accept("The cached scores " + file + " are damaged; they are judged anew.");
            return new double[0];
        }
        double[] out = new double[expected];
        for (int i = 0; i < expected; i++) {
            out[i] = scores.get(i).asDouble();
        }
        return out;
    }
}
