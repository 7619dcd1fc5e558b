package org.diffusionsoup.report;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;

/** A report of every kind of block, from drawn and drawn-at-random data, none of it measured. */
final class SampleReport {
    private static final List<String> MODELS =
            List.of("base", "noto", "twemoji", "fluent", "openmoji", "paragon", "soup");
    private static final List<String> PROMPTS =
            List.of(
                    "red apple, flat emoji",
                    "cat face",
                    "yellow taxi",
                    "crescent moon with a rather long caption",
                    "<b>tulip</b> & \"rose\"",
                    "snowman",
                    "blue whale",
                    "rocket");

    private final SplittableRandom random = new SplittableRandom(2026);

    HtmlReport build() throws IOException {
        HtmlReport report =
                HtmlReport.titled("Four shards, one soup")
                        .subtitle(
                                "SAMPLE: every number and picture on this page is made up to show the"
                                        + " layout; nothing was trained or measured.");
        report.fact("Base", "emoji-base", "sha256 3fa94c01be77 (sample)")
                .fact("Ingredients", "4", "one per provider")
                .fact("Steps each", "1,200", "AdamW, lr 1e-4")
                .fact("CLIP score, soup", "0.281", "base: 0.262")
                .fact("Time", "9 min 41 s", "2 cores");
        ScoreTable scores = ScoreTable.compare(scoreSets(), "base", Bootstrap.seeded(1));
        report.lead(
                new Block.Prose(
                        "One base was fine-tuned on four shards, and the weights of the four"
                                + " ingredients were averaged. **The soup scores above every single"
                                + " ingredient** in this sample and costs as much as one of them."));
        report.section("The pictures")
                .prose(
                        "The same prompts and seeds through every model; pictures are 64 × 64 and"
                                + " shown enlarged. Click one to see it larger.")
                .add(grid());
        report.section("Scores")
                .add(BarChart.of("CLIP score by model", scores, 3, List.of("soup")))
                .add(Table.of(scores, 3))
                .columns(
                        Callout.shows(
                                "The soup is above the base on these prompts by more than chance.",
                                "It is above each ingredient, judged by the **same** model."),
                        Callout.doesNotShow(
                                "Whether people prefer its pictures: the judge was trained on the"
                                        + " same kind of data.",
                                "Anything about prompts outside the held-out subjects."));
        report.section("Training")
                .prose(
                        "Each ingredient saw its own shard only; `soup train` logs every tenth step.")
                .columns(
                        LossCurve.chart("Training loss", curves()),
                        LineChart.of(
                                        "Learning rate",
                                        "optimiser step",
                                        "learning rate",
                                        List.of(warmUp()))
                                .withLogX()
                                .withLogY()
                                .captioned("Both axes are logarithmic."))
                .details(
                        "The command",
                        new Block.Code(
                                "soup train --base models/emoji-base \\\n  --shard data/noto --out out/noto"));
        report.section("Time and memory")
                .add(
                        BarChart.bars(
                                        "Resident memory while generating",
                                        "MiB",
                                        0,
                                        List.of(
                                                BarChart.Bar.exact("soup", 412),
                                                new BarChart.Bar(
                                                        "ensemble of 4",
                                                        new Interval(688, 660, 720, 0.95),
                                                        true)))
                                .captioned("Bars begin at 0."))
                .add(
                        Table.titled(
                                        "What one picture costs (sample).",
                                        "Model",
                                        "Time|seconds per picture",
                                        "Memory|MiB",
                                        "Remark")
                                .row(
                                        Table.Cell.text("soup", "average of 4"),
                                        Table.Cell.number(0.42, 2),
                                        Table.Cell.number(412, 0),
                                        Table.Cell.text("one model"))
                                .row(
                                        Table.Cell.text("ensemble"),
                                        Table.Cell.number(1.66, 2),
                                        Table.Cell.number(688, 0),
                                        Table.Cell.text("four models, noise averaged"))
                                .build())
                .add(Callout.note("How it was measured", "Median of five runs after a warm-up."))
                .add(
                        Callout.warning(
                                "Not run", "The paragon of **equal total** steps was left out."));
        report.footer("Made by `soup demo`, version 0.1.0. Sample data.");
        return report;
    }

    private List<ScoreSet> scoreSets() {
        Judge judge =
                new Judge(
                        "CLIP emoji-base (sample)",
                        "3fa94c01be77".repeat(5) + "abcd",
                        "raw cosine, captions cut to 77 tokens");
        List<String> prompts = new ArrayList<>();
        double[] difficulty = new double[60];
        for (int p = 0; p < difficulty.length; p++) {
            prompts.add("prompt " + p);
            difficulty[p] = 0.06 * (random.nextDouble() - 0.5);
        }
        double[] level = {0.262, 0.270, 0.268, 0.266, 0.2605, 0.274, 0.281};
        List<ScoreSet> sets = new ArrayList<>();
        for (int m = 0; m < MODELS.size(); m++) {
            double[][] values = new double[prompts.size()][4];
            for (int p = 0; p < values.length; p++) {
                for (int s = 0; s < 4; s++) {
                    values[p][s] = level[m] + difficulty[p] + 0.02 * (random.nextDouble() - 0.5);
                }
            }
            sets.add(ScoreSet.of(MODELS.get(m), judge, prompts, values));
        }
        return sets;
    }

    private Map<String, LossCurve> curves() {
        Map<String, LossCurve> curves = new LinkedHashMap<>();
        for (String model : MODELS.subList(1, 5)) {
            List<LossCurve.Point> points = new ArrayList<>();
            double floor = 0.11 + 0.02 * random.nextDouble();
            for (int step = 1; step <= 12_000; step += 10) {
                double noise = 0.08 * (random.nextDouble() - 0.4);
                double loss = floor + 0.25 * Math.exp(-step / 1500.0) + noise;
                points.add(new LossCurve.Point(step, loss, 1e-4, 20));
            }
            curves.put(model, new LossCurve(points));
        }
        return curves;
    }

    private static LineChart.Series warmUp() {
        double[] x = new double[1000];
        double[] y = new double[1000];
        for (int i = 0; i < x.length; i++) {
            x[i] = 1 + 12 * i;
            y[i] = 1e-4 * Math.min(1, x[i] / 500) * Math.exp(-x[i] / 6000);
        }
        return LineChart.Series.of("warm-up and decay", x, y);
    }

    private ImageGrid grid() throws IOException {
        ImageGrid.Builder grid =
                ImageGrid.titled("Sample pictures: coloured shapes, not made by a model.", PROMPTS);
        for (int m = 0; m < MODELS.size(); m++) {
            List<byte[]> row = new ArrayList<>();
            for (int p = 0; p < PROMPTS.size(); p++) {
                row.add(m == 2 && p == 5 ? new byte[0] : picture(m, p));
            }
            grid.row(MODELS.get(m), m == 0 ? "before fine-tuning" : "CLIP 0.27", row);
        }
        return grid.build();
    }

    private static byte[] picture(int model, int prompt) throws IOException {
        BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, 64, 64);
        g.setColor(Color.getHSBColor(prompt / 8f, 0.75f - 0.06f * model, 0.85f));
        g.fill(new Ellipse2D.Double(6 + model, 8, 50 - 2 * model, 48));
        g.setColor(Color.getHSBColor(prompt / 8f + 0.4f, 0.5f, 0.4f));
        g.fill(new Ellipse2D.Double(20, 24, 7, 7));
        g.fill(new Ellipse2D.Double(37, 24, 7, 7));
        g.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }
}
