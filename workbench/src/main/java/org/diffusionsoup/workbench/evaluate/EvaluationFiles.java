package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/** An evaluation as results.json, results.csv, index.html and pages with every picture. */
public final class EvaluationFiles {
    /** Name of the file with all numbers. */
    public static final String RESULTS = "results.json";

    /** Name of the folder for pictures, scores and models where no other is named. */
    public static final String CACHE = "cache";

    /** Fewer prompts have no intervals to rely on. */
    private final Evaluation evaluation;

    private final Path out;

    private EvaluationFiles(Evaluation evaluation, Path out) {
        this.evaluation = evaluation;
        this.out = out;
    }

    /**
     * What is said of an evaluation that was stopped: what its cache holds, in a sentence.
     *
     * @param cache as of {@link Evaluator}; where several evaluations share it, of all of them
     */
    public static String stopped(Path cache) {
        Path models = cache.resolve("models");
        long made = count(models, 1, f -> Files.isDirectory(f) && !isUnfinished(f) && !isHidden(f));
        long drawn = count(cache.resolve("pictures"), 2, f -> f.toString().endsWith(".png"));
        long scores = count(cache.resolve("scores"), 1, f -> f.toString().endsWith(".json"));
        boolean training = count(models, 1, EvaluationFiles::isUnfinished) > 0;
        return "Stopped; kept in %s: %s, %s, scores of %s by a judge%s; the same command goes on from there."
                .formatted(
                        cache,
                        Plural.of(made, "model"),
                        Plural.of(drawn, "picture"),
                        Plural.of(scores, "model"),
                        training ? ", the checkpoint of a training" : "");
    }

    private static boolean isUnfinished(Path model) {
        return model.toString().endsWith(".training");
    }

    private static boolean isHidden(Path file) {
        return String.valueOf(file.getFileName()).startsWith(".");
    }

    private static long count(Path folder, int depth, Predicate<Path> which) {
        if (!Files.isDirectory(folder)) {
            return 0;
        }
        try (Stream<Path> files = Files.walk(folder, depth)) {
            return files.filter(f -> !f.equals(folder)).filter(which).count();
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /** Writes the files into a folder; those of an earlier run are replaced. */
    public static void write(Evaluation evaluation, Path out) {
        EvaluationFiles files = new EvaluationFiles(evaluation, out);
        try {
            AtomicFiles.write(
                    out.resolve(RESULTS),
                    JsonMappers.INDENTED
                            .writeValueAsString(json(evaluation, out))
                            .getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new SoupException(out + " cannot be written: " + e.getMessage(), e);
        }
        AtomicFiles.write(out.resolve("results.csv"), files.csv().getBytes(StandardCharsets.UTF_8));
        new EvaluationPages(evaluation, out).write();
    }

    /** What a reader of the intervals should know where there are few prompts. */
    public static Optional<String> caution(Evaluation e) {
        return Bootstrap.caution(e.recipe().prompts().size(), "prompts");
    }

    /**
     * Everything but the pictures, as maps and lists.
     *
     * @param out folder of the results, from which the models' folders are named: so results say
     *     nothing of where on a machine they lie
     */
    public static Map<String, Object> json(Evaluation e, Path out) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", e.recipe().name());
        json.put("version", SoupVersion.current());
        json.put("prompts", e.recipe().prompts());
        json.put("validation_prompts", e.recipe().validation());
        json.put("seeds", e.recipe().seeds());
        GenerateSettings s = e.recipe().settings();
        Map<String, Object> sampler = new LinkedHashMap<>();
        sampler.put("steps", s.steps());
        sampler.put("guidance", s.guidance());
        sampler.put("negative", s.negativePrompt());
        sampler.put("scheduler", s.sampler().map(Enum::name).orElse("the model's own"));
        json.put("sampler", sampler);
        json.put("baseline", e.recipe().baseline());
        List<Object> models = new ArrayList<>();
        for (Evaluation.Model m : e.models()) {
            models.add(model(e.recipe(), m, out));
        }
        json.put("models", models);
        List<Object> judges = new ArrayList<>();
        for (Evaluation.Judged j : e.judges()) {
            Map<String, Object> judge = new LinkedHashMap<>();
            judge.put("name", j.name());
            judge.put("judge", j.table().judge().name());
            judge.put("judge_sha256", j.table().judge().weightsSha256());
            judge.put("convention", j.table().judge().convention());
            j.table().best().ifPresent(b -> judge.put("above_all_others", b));
            List<Object> rows = new ArrayList<>();
            for (int m = 0; m < e.models().size(); m++) {
                ScoreTable.Row row = j.table().rows().get(m);
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("model", row.score().model());
                one.put("score", interval(row.score().mean()));
                row.toBaseline().ifPresent(d -> one.put("minus_baseline", interval(d)));
                one.put("values", j.sets().get(m).values());
                rows.add(one);
            }
            judge.put("models", rows);
            judges.add(judge);
        }
        json.put("judges", judges);
        json.put("pictures_drawn", e.drawn());
        json.put("seconds", e.seconds());
        return json;
    }

    private static Map<String, Object> model(
            EvaluationRecipe recipe, Evaluation.Model m, Path out) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("name", m.name());
        List<String> folders =
                m.made().folders().stream().map(folder -> fromFolder(out, folder)).toList();
        if (m.made().isEnsemble()) {
            json.put("ensemble", folders);
            m.made()
                    .classifier()
                    .ifPresentOrElse(
                            c -> {
                                json.put("classifier", fromFolder(out, c));
                                json.put("resouped", m.made().resouped());
                            },
                            () -> json.put("coefficients", m.made().coefficients()));
        } else {
            json.put("folder", folders.getFirst());
        }
        json.put("sha256", m.hash());
        EvaluationRecipe.Place place = recipe.sweep().get(m.name());
        if (place != null) {
            json.put("curve", place.curve());
            json.put("steps", place.steps());
            json.put("lr", place.rate());
        }
        return json;
    }

    private static Map<String, Object> interval(Interval i) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("estimate", i.estimate());
        json.put("low", i.low());
        json.put("high", i.high());
        json.put("confidence", i.confidence());
        return json;
    }

    /** A path as a file in the folder would name it; absolute only where they share no root. */
    private static String fromFolder(Path folder, Path path) {
        Path from = folder.toAbsolutePath().normalize();
        Path to = path.toAbsolutePath().normalize();
        return Objects.equals(from.getRoot(), to.getRoot())
                ? from.relativize(to).toString().replace(File.separatorChar, '/')
                : to.toString();
    }

    private String csv() {
        Csv table = Csv.table("judge,model,prompt,seed,score,picture");
        List<Long> seeds = evaluation.recipe().seeds();
        for (Evaluation.Judged j : evaluation.judges()) {
            for (int m = 0; m < evaluation.models().size(); m++) {
                ScoreSet set = j.sets().get(m);
                Evaluation.Model model = evaluation.models().get(m);
                for (int p = 0; p < set.prompts().size(); p++) {
                    for (int s = 0; s < seeds.size(); s++) {
                        table.row(
                                j.name(),
                                model.name(),
                                set.prompts().get(p),
                                seeds.get(s),
                                set.values().get(p).get(s),
                                fromFolder(out, model.pictures().get(p).get(s)));
                    }
                }
            }
        }
        return table.text();
    }
}
