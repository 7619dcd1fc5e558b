package org.diffusionsoup.workbench.evaluate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.data.image.PngCodec;
import org.diffusionsoup.data.image.RgbImage;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.workbench.Csv;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.diffusionsoup.workbench.report.HtmlReport;
import org.diffusionsoup.workbench.report.ImageGrid;
import org.diffusionsoup.workbench.report.Section;
import org.diffusionsoup.workbench.report.Table;

/** An evaluation as results.json, results.csv, index.html and pages with every picture. */
public final class EvaluationFiles {
    private static final int DIGITS = 4;
    private static final int PROMPTS_PER_PAGE = 20;

    /** Name of the file with all numbers. */
    public static final String RESULTS = "results.json";

    /** Name of the folder for pictures, scores and models where no other is named. */
    public static final String CACHE = "cache";

    private static final int SIDE = 128;

    private final Evaluation evaluation;
    private final Path out;

    private EvaluationFiles(Evaluation evaluation, Path out) {
        this.evaluation = evaluation;
        this.out = out;
    }

    /** Writes the files into a folder; those of an earlier run are replaced. */
    public static void write(Evaluation evaluation, Path out) {
        EvaluationFiles files = new EvaluationFiles(evaluation, out);
        try {
            AtomicFiles.write(
                    out.resolve(RESULTS),
                    new ObjectMapper()
                            .writerWithDefaultPrettyPrinter()
                            .writeValueAsString(json(evaluation, out))
                            .getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new SoupException(out + " cannot be written: " + e.getMessage(), e);
        }
        AtomicFiles.write(out.resolve("results.csv"), files.csv().getBytes(StandardCharsets.UTF_8));
        int pages = files.pages();
        files.index(pages).write(out.resolve("index.html"));
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
            models.add(
                    Map.of(
                            "name",
                            m.name(),
                            "folder",
                            fromFolder(out, m.folder()),
                            "sha256",
                            m.hash()));
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
        StringBuilder text = new StringBuilder("judge,model,prompt,seed,score,picture\n");
        List<Long> seeds = evaluation.recipe().seeds();
        for (Evaluation.Judged j : evaluation.judges()) {
            for (int m = 0; m < evaluation.models().size(); m++) {
                ScoreSet set = j.sets().get(m);
                Evaluation.Model model = evaluation.models().get(m);
                for (int p = 0; p < set.prompts().size(); p++) {
                    for (int s = 0; s < seeds.size(); s++) {
                        text.append(Csv.quoted(j.name())).append(',');
                        text.append(Csv.quoted(model.name())).append(',');
                        text.append(Csv.quoted(set.prompts().get(p))).append(',');
                        text.append(seeds.get(s)).append(',');
                        text.append(set.values().get(p).get(s)).append(',');
                        text.append(Csv.quoted(fromFolder(out, model.pictures().get(p).get(s))));
                        text.append('\n');
                    }
                }
            }
        }
        return text.toString();
    }

    private HtmlReport index(int pages) {
        EvaluationRecipe recipe = evaluation.recipe();
        HtmlReport report =
                HtmlReport.titled(recipe.name())
                        .subtitle("Every model on the same prompts and the same noise")
                        .fact("Models", "" + evaluation.models().size(), "")
                        .fact(
                                "Pictures per model",
                                "" + recipe.prompts().size() * recipe.seeds().size(),
                                Plural.of(recipe.prompts().size(), "prompt")
                                        + " × "
                                        + Plural.of(recipe.seeds().size(), "seed"))
                        .fact(
                                "Run time",
                                minutes(),
                                Plural.of(evaluation.drawn(), "picture") + " drawn")
                        .footer("Diffusion Soup " + SoupVersion.current());
        Section all = report.section("All judges");
        List<String> heads = new ArrayList<>(List.of("Model"));
        evaluation.judges().forEach(j -> heads.add(j.name()));
        Table.Builder table =
                Table.titled(
                        "Means with 95 % intervals, bootstrap over prompts.",
                        heads.toArray(String[]::new));
        for (int m = 0; m < evaluation.models().size(); m++) {
            List<Table.Cell> row = new ArrayList<>();
            row.add(Table.Cell.text(evaluation.models().get(m).name()));
            for (Evaluation.Judged j : evaluation.judges()) {
                row.add(Table.Cell.estimate(j.table().rows().get(m).score().mean(), DIGITS));
            }
            table.row(row.toArray(Table.Cell[]::new));
        }
        all.add(table.build());
        for (Evaluation.Judged j : evaluation.judges()) {
            report.section("Judge " + j.name()).add(Table.of(j.table(), DIGITS));
        }
        Section pictures = report.section("Pictures");
        pictures.prose(
                "The first prompts, first seed. All pictures with their scores are in `pages/`, "
                        + Plural.of(pages, "file")
                        + " of at most "
                        + PROMPTS_PER_PAGE
                        + " prompts; `results.csv` names the file behind every score.");
        int some = Math.min(10, recipe.prompts().size());
        ImageGrid.Builder grid =
                ImageGrid.titled("The same noise in every row.", recipe.prompts().subList(0, some))
                        .pixels(64);
        for (Evaluation.Model m : evaluation.models()) {
            grid.row(
                    m.name(),
                    "",
                    m.pictures().subList(0, some).stream().map(r -> small(r.getFirst())).toList());
        }
        pictures.add(grid.build());
        return report;
    }

    /** One section per prompt: a row per model with its scores, a column per seed. */
    private int pages() {
        List<String> prompts = evaluation.recipe().prompts();
        List<String> seeds = evaluation.recipe().seeds().stream().map(s -> "seed " + s).toList();
        int pages = 0;
        for (int from = 0; from < prompts.size(); from += PROMPTS_PER_PAGE) {
            pages++;
            HtmlReport page =
                    HtmlReport.titled(evaluation.recipe().name() + ", page " + pages)
                            .subtitle("Every picture and its scores, seeds in order");
            for (int p = from; p < Math.min(from + PROMPTS_PER_PAGE, prompts.size()); p++) {
                ImageGrid.Builder grid = ImageGrid.titled("", seeds).pixels(SIDE);
                for (int m = 0; m < evaluation.models().size(); m++) {
                    Evaluation.Model model = evaluation.models().get(m);
                    grid.row(
                            model.name(),
                            scores(m, p),
                            model.pictures().get(p).stream().map(EvaluationFiles::small).toList());
                }
                page.section(prompts.get(p)).add(grid.build());
            }
            page.write(out.resolve("pages").resolve("page-%03d.html".formatted(pages)));
        }
        return pages;
    }

    private String scores(int model, int prompt) {
        List<String> parts = new ArrayList<>();
        for (Evaluation.Judged j : evaluation.judges()) {
            List<String> values =
                    j.sets().get(model).values().get(prompt).stream()
                            .map(v -> String.format(Locale.ROOT, "%.3f", v))
                            .toList();
            parts.add(j.name() + " " + String.join(", ", values));
        }
        return String.join(" · ", parts);
    }

    /** The picture's file, or a smaller copy where it is larger than the page shows it. */
    private static byte[] small(Path file) {
        RgbImage image = PictureCache.read(file);
        return image.width() <= SIDE
                ? PictureCache.bytes(file)
                : PngCodec.encode(image.resized(SIDE, SIDE));
    }

    private String minutes() {
        return String.format(Locale.ROOT, "%.1f min", evaluation.seconds() / 60);
    }
}
