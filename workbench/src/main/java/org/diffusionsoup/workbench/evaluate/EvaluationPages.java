package org.diffusionsoup.workbench.evaluate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureGrid;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.report.BarChart;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;
import org.diffusionsoup.workbench.OwnOutputs;

/** An evaluation to look at: index.html with charts and tables, pages/ with every picture. */
final class EvaluationPages {
    private static final int DIGITS = 4;
    private static final int PROMPTS_PER_PAGE = 20;
    private static final int SIDE = 128;
    private static final int SHEET_PROMPTS = 12;

    private final Evaluation evaluation;
    private final Path out;

    EvaluationPages(Evaluation evaluation, Path out) {
        this.evaluation = evaluation;
        this.out = out;
    }

    /** Writes the pages of pictures, then the first one. */
    void write() {
        int pages = pages();
        sheet();
        index(pages).write(out.resolve("index.html"));
    }

    /** The first prompts by every model as one picture, to be put into a text. */
    private void sheet() {
        List<String> prompts = evaluation.recipe().prompts();
        int some = Math.min(SHEET_PROMPTS, prompts.size());
        PictureGrid grid = PictureGrid.columns(prompts.subList(0, some));
        for (Evaluation.Model m : evaluation.models()) {
            grid.row(
                    m.name(),
                    m.pictures().subList(0, some).stream()
                            .map(r -> shrunk(PictureCache.read(r.getFirst())))
                            .toList());
        }
        PngFiles.write(out.resolve("pictures.png"), grid.render(), OwnOutputs.MARK);
    }

    private static RgbImage shrunk(RgbImage image) {
        return image.width() <= SIDE ? image : image.resized(SIDE, SIDE);
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
        if (recipe.sweep().isEmpty()) {
            tables(report);
        } else {
            SweepCurves curves = new SweepCurves(evaluation);
            curves.addTo(report);
            tables(report);
        }
        Section pictures = report.section("Pictures");
        pictures.prose(
                "The first prompts, first seed. All pictures with their scores are in `pages/`, "
                        + Plural.of(pages, "file")
                        + " of at most "
                        + PROMPTS_PER_PAGE
                        + " prompts; `results.csv` names the file behind every score. `pictures.png` shows"
                        + " them as one picture.");
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

    private void tables(HtmlReport report) {
        Section all = report.section("All judges");
        EvaluationFiles.caution(evaluation).ifPresent(all::prose);
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
            Section section = report.section("Judge " + j.name());
            if (evaluation.recipe().sweep().isEmpty()) {
                section.add(
                        BarChart.of(
                                j.name() + " of every model",
                                j.table(),
                                DIGITS,
                                List.of(j.table().baseline())));
            }
            section.add(Table.of(j.table(), DIGITS));
            boolean yesOrNo =
                    j.sets().stream()
                            .flatMap(set -> set.values().stream())
                            .flatMap(List::stream)
                            .allMatch(v -> v == 0 || v == 1);
            if (evaluation.recipe().sweep().isEmpty() && !yesOrNo) {
                section.details("How the scores are distributed", distributions(j));
            }
        }
    }

    /** Every model's share of pictures at or below a score. */
    private static LineChart distributions(Evaluation.Judged judged) {
        List<LineChart.Series> series = new ArrayList<>();
        for (ScoreSet set : judged.sets()) {
            double[] sorted =
                    set.values().stream()
                            .flatMap(List::stream)
                            .mapToDouble(Double::doubleValue)
                            .sorted()
                            .toArray();
            double[] shares = new double[sorted.length];
            for (int i = 0; i < shares.length; i++) {
                shares[i] = (i + 1.0) / shares.length;
            }
            series.add(LineChart.Series.of(set.model(), sorted, shares));
        }
        return LineChart.of(
                        "Distribution of " + judged.name(),
                        judged.name(),
                        "share of pictures at or below",
                        series)
                .captioned("A curve further to the right has higher scores.");
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
                            model.pictures().get(p).stream().map(EvaluationPages::small).toList());
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
        return image.width() <= SIDE ? PictureCache.bytes(file) : PngCodec.encode(shrunk(image));
    }

    private String minutes() {
        return String.format(Locale.ROOT, "%.1f min", evaluation.seconds() / 60);
    }
}
