package org.diffusionsoup.workbench.study;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.JsonMappers;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.workbench.evaluate.Evaluation;

/**
 * What a study measured, small enough to be kept in a repository: every judge's score of every
 * model for every prompt, rounded to four decimals, so that any two models can be compared later,
 * paired by prompt.
 *
 * @param study its word
 * @param date on which it ended
 * @param seeds pictures of each prompt
 * @param judges who they are, by the recipe's names
 * @param scores by judge, then by model: one per prompt
 */
public record StudyResults(
        String study,
        LocalDate date,
        int seeds,
        Map<String, String> judges,
        Map<String, Map<String, List<Double>>> scores) {
    /** The scores of an evaluation. */
    public static StudyResults of(Study study, Evaluation e) {
        Map<String, String> judges = new LinkedHashMap<>();
        Map<String, Map<String, List<Double>>> scores = new LinkedHashMap<>();
        for (Evaluation.Judged j : e.judges()) {
            judges.put(j.name(), j.table().judge().toString());
            Map<String, List<Double>> models = new LinkedHashMap<>();
            for (ScoreSet set : j.sets()) {
                models.put(set.model(), rounded(set.perPrompt()));
            }
            scores.put(j.name(), models);
        }
        return new StudyResults(
                study.word(), LocalDate.now(), e.recipe().seeds().size(), judges, scores);
    }

    private static List<Double> rounded(double[] values) {
        return Arrays.stream(values).mapToObj(v -> Math.round(v * 1e4) / 1e4).toList();
    }

    /** How many prompts every model was asked. */
    public int prompts() {
        return scores.values().iterator().next().values().iterator().next().size();
    }

    /**
     * The mean of a model.
     *
     * @throws SoupException if the judge or the model is not in the study
     */
    public Interval mean(String judge, String model) {
        return Bootstrap.seeded(0).mean(values(judge, model));
    }

    /**
     * One model's mean less another's, paired by prompt.
     *
     * @throws SoupException if the judge or a model is not in the study
     */
    public Interval difference(String judge, String model, String other) {
        return Bootstrap.seeded(0).pairedDifference(values(judge, model), values(judge, other));
    }

    private double[] values(String judge, String model) {
        return Optional.ofNullable(scores.get(judge))
                .map(models -> models.get(model))
                .orElseThrow(() ->
                        new SoupException(
                                "The results of %s have no scores of '%s' by '%s'."
                                        .formatted(study, model, judge)))
                .stream()
                .mapToDouble(v -> v)
                .toArray();
    }

    /** Writes them, a line per model, so that a changed number shows as one. */
    public void write(Path file) {
        StringBuilder text = new StringBuilder("{\n");
        text.append(" \"study\": ").append(quoted(study)).append(",\n");
        text.append(" \"date\": ").append(quoted(date.toString())).append(",\n");
        text.append(" \"version\": ").append(quoted(SoupVersion.current())).append(",\n");
        text.append(" \"seeds\": ").append(seeds).append(",\n");
        text.append(" \"judges\": {");
        text.append(
                scores.entrySet().stream()
                        .map(j ->
                                "\n  %s: {\"by\": %s, \"models\": {\n%s}}"
                                        .formatted(
                                                quoted(j.getKey()),
                                                quoted(judges.getOrDefault(j.getKey(), "")),
                                                lines(j.getValue())))
                        .collect(Collectors.joining(",")));
        text.append("\n }\n}\n");
        AtomicFiles.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static String lines(Map<String, List<Double>> models) {
        return models.entrySet().stream()
                .map(m -> "   " + quoted(m.getKey()) + ": " + m.getValue())
                .collect(Collectors.joining(",\n"));
    }

    private static String quoted(String text) {
        return JsonMappers.PLAIN.getNodeFactory().textNode(text).toString();
    }

    /**
     * Reads a file that {@link #write} made.
     *
     * @throws SoupException if it is none
     */
    public static StudyResults read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new SoupException(
                    "There are no results %s; soup study run makes them.".formatted(file));
        }
        try {
            JsonNode root = JsonMappers.PLAIN.readTree(file.toFile());
            Map<String, String> judges = new LinkedHashMap<>();
            Map<String, Map<String, List<Double>>> scores = new LinkedHashMap<>();
            root.path("judges")
                    .properties()
                    .forEach(j -> {
                        judges.put(j.getKey(), j.getValue().path("by").asText());
                        Map<String, List<Double>> models = new LinkedHashMap<>();
                        j.getValue()
                                .path("models")
                                .properties()
                                .forEach(m -> {
                                    List<Double> values = new ArrayList<>();
                                    m.getValue().forEach(v -> values.add(v.asDouble()));
                                    models.put(m.getKey(), List.copyOf(values));
                                });
                        scores.put(j.getKey(), models);
                    });
            if (scores.isEmpty()) {
                throw new SoupException(file + " holds no scores of a study.");
            }
            return new StudyResults(
                    root.path("study").asText(),
                    LocalDate.parse(root.path("date").asText()),
                    root.path("seeds").asInt(),
                    judges,
                    scores);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
