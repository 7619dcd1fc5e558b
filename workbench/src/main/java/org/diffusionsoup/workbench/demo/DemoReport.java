package org.diffusionsoup.workbench.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Function;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.eval.ScoreTable;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.report.BarChart;
import org.diffusionsoup.report.Callout;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.LossCurve;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;

/** The demo's page: every sentence about a result is made from the numbers of this run. */
final class DemoReport {
    private static final int DIGITS = 4;
    private static final int GRID_COLUMNS = 12;

    private final Demo.Made made;
    private final Bootstrap bootstrap;
    private final int n;

    private DemoReport(Demo.Made made) {
        this.made = made;
        this.bootstrap = Bootstrap.seeded(made.plan().seed());
        this.n = made.plan().domains().size();
    }

    static void write(Demo.Made made, Path file) {
        new DemoReport(made).build().write(file);
    }

    private HtmlReport build() {
        DemoPlan plan = made.plan();
        DemoModel soup = model("soup");
        DemoModel ensemble = model("ensemble");
        HtmlReport report =
                HtmlReport.titled("Diffusion Soup: the whole road in one run")
                        .subtitle(
                                n
                                        + " shards, "
                                        + n
                                        + " ingredients, one soup, and what happens when a shard"
                                        + " leaves")
                        .fact("Shards", String.join(", ", plan.domains()), rowsNote())
                        .fact(
                                "Run time",
                                minutes(made.seconds()),
                                "on this machine, all included"
                                        + (made.runs() > 1
                                                ? ", in %d runs".formatted(made.runs())
                                                : ""))
                        .fact(
                                "Withdrawal",
                                format(made.withdrawSeconds(), 2) + " s",
                                "to re-average without " + plan.withdrawn())
                        .fact(
                                "Soup instead of ensemble",
                                format(ensemble.secondsPerPicture() / soup.secondsPerPicture(), 1)
                                        + "× less processor time",
                                format((double) ensemble.unetBytes() / soup.unetBytes(), 0)
                                        + "× less UNet memory")
                        .footer(
                                "Diffusion Soup "
                                        + SoupVersion.current()
                                        + ". Method: Biggs et al., Diffusion Soup: Model Merging for"
                                        + " Text-to-Image Diffusion Models, 2024. Pictures drawn"
                                        + " by models trained on open emoji sets; see"
                                        + " shards/emoji/ATTRIBUTION.md.");
        pictures(report.section("The same prompts and noise through every model"));
        scores(report.section("What two judges say"));
        domains(report.section("Who knows what"));
        withdrawal(report.section("Withdrawing a shard"));
        DemoStylesReport.write(made.styles(), bootstrap, report.section("Two styles in one soup"));
        DemoMemoryReport.write(
                made.memory(), bootstrap, report.section("Who draws the training pictures again"));
        cost(report.section("Soup against ensemble"));
        training(report.section("Training"));
        repeat(report.section("Repeat it"));
        return report;
    }

    private void pictures(Section section) {
        section.prose(
                "The base has learnt "
                        + String.join(", ", made.plan().styles())
                        + " emoji from pictures as a crawl brings them: on grounds of any colour,"
                        + " blurred, grainy, with watermarks and scraps. Each shard is small and"
                        + " clean: the "
                        + made.plan().provider()
                        + " drawings of one domain. **What is asked for here no shard holds**: the"
                        + " base's own styles. Dirty comes from the base, clean from the"
                        + " ingredients, and a soup keeps what its ingredients agree on. All rows"
                        + " start from the same noise.");
        section.add(grid(spread(GRID_COLUMNS)));
        section.prose(
                "And what the shards do hold: each ingredient has seen its own domain's pictures "
                        + timesSeen()
                        + ".");
        ImageGrid.Builder known =
                ImageGrid.titled("Pictures of the shards, by caption.", made.prompts().known())
                        .pixels(64);
        for (DemoModel m : made.models()) {
            known.row(m.label(), m.note(), m.known().stream().map(PngCodec::encode).toList());
        }
        section.add(known.build());
        List<Integer> rest = new ArrayList<>();
        for (int i = 0; i < made.prompts().size(); i++) {
            if (!spread(GRID_COLUMNS).contains(i)) {
                rest.add(i);
            }
        }
        if (!rest.isEmpty()) {
            section.details("The other " + Plural.of(rest.size(), "prompt"), grid(rest));
        }
    }

    /** Evenly spread prompt indices, so that every domain is seen. */
    private List<Integer> spread(int count) {
        int all = made.prompts().size();
        List<Integer> out = new ArrayList<>();
        for (int i = 0; i < Math.min(count, all); i++) {
            out.add((int) ((long) i * all / Math.min(count, all)));
        }
        return out;
    }

    private ImageGrid grid(List<Integer> prompts) {
        ImageGrid.Builder grid =
                ImageGrid.titled(
                                "First seed of each prompt.",
                                prompts.stream().map(i -> made.prompts().texts().get(i)).toList())
                        .pixels(64);
        for (DemoModel m : made.models()) {
            List<byte[]> row = new ArrayList<>();
            for (int i : prompts) {
                row.add(PngCodec.encode(m.pictures().get(i * made.plan().seeds())));
            }
            grid.row(m.label(), m.note(), row);
        }
        return grid.build();
    }

    private void scores(Section section) {
        judged(section, "CLIP score", DemoModel::scores);
        judged(section, "Reward", DemoModel::rewards);
        section.columns(
                Callout.shows(
                        compare("soup", "base"),
                        compare("soup", "paragon"),
                        compare("soup", "paragon ×" + n),
                        compare("soup", "ensemble")),
                Callout.doesNotShow(
                        "What a person would prefer: look at the pictures above. The judges are small"
                                + " models trained on these emoji (docs/embedded-judges.md): the CLIP"
                                + " tells whether a picture is of its caption, the reward model also"
                                + " whether it is damaged.",
                        "One training per model: other seeds give other numbers.",
                        "The paper's gains (Table 1) are on SD 2.1 with 10,000 steps per shard;"
                                + " these are "
                                + made.plan().steps()
                                + " steps on a model of a few million weights."));
    }

    private void judged(Section section, String judge, Function<DemoModel, ScoreSet> scores) {
        List<ScoreSet> sets = made.models().stream().map(scores).toList();
        ScoreTable table = ScoreTable.compare(sets, "base", bootstrap);
        section.add(Table.of(table, DIGITS));
        section.add(
                BarChart.of(judge + " by model", table, DIGITS, List.of("soup"))
                        .captioned(
                                "Dashed: the base. Bars: 95% bootstrap intervals over prompts."));
    }

    /** A sentence about one difference by each judge, with what chance allows to say. */
    private String compare(String a, String b) {
        return "The %s against the %s: %s, %s."
                .formatted(
                        a,
                        b,
                        difference(a, b, "CLIP score", DemoModel::scores),
                        difference(a, b, "reward", DemoModel::rewards));
    }

    private String difference(
            String a, String b, String judge, Function<DemoModel, ScoreSet> scores) {
        Interval d = scores.apply(model(a)).minus(scores.apply(model(b)), bootstrap);
        String verdict =
                d.contains(0)
                        ? "not told apart: the interval includes 0"
                        : d.estimate() > 0 ? "above" : "below";
        return "%s %s (%s)".formatted(judge, d.formatSigned(DIGITS), verdict);
    }

    private void domains(Section section) {
        Set<String> domains = new LinkedHashSet<>(made.prompts().domains());
        List<String> headers = new ArrayList<>(List.of("Model"));
        domains.forEach(d -> headers.add("prompts: " + d));
        Table.Builder table =
                Table.titled(
                        "Mean CLIP score by the domain of the prompt, with 95% intervals over few"
                                + " prompts each: read the pattern, not the digits.",
                        headers.toArray(String[]::new));
        for (DemoModel m : made.models()) {
            List<Table.Cell> row = new ArrayList<>();
            row.add(Table.Cell.text(m.label(), m.note()));
            for (String d : domains) {
                row.add(Table.Cell.estimate(bootstrap.mean(ofDomain(m, d)), 3));
            }
            table.row(row.toArray(Table.Cell[]::new));
        }
        section.prose(
                "The prompts are of the shards' domains in styles that no shard holds. With one"
                        + " number per domain from a handful of prompts, most intervals overlap.");
        section.add(table.build());
    }

    private double[] ofDomain(DemoModel m, String domain) {
        double[] each = m.scores().perPrompt();
        List<Double> own = new ArrayList<>();
        for (int i = 0; i < each.length; i++) {
            if (made.prompts().domains().get(i).equals(domain)) {
                own.add(each[i]);
            }
        }
        return own.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private void withdrawal(Section section) {
        String shard = made.plan().withdrawn();
        section.prose(
                "The provider of **"
                        + shard
                        + "** withdraws. The soup is averaged again from the other "
                        + Plural.of(n - 1, "ingredient")
                        + "; nothing is trained.");
        section.add(
                Table.titled("", "What", "Value")
                        .row("Time to re-average", format(made.withdrawSeconds(), 2) + " s")
                        .row(
                                "Time to train all of this demo's models",
                                minutes(made.trainSeconds()))
                        .row("sha256 of the soup's UNet before", made.soupSha256())
                        .row("sha256 of the soup's UNet after", made.withoutSha256())
                        .row(
                                "Averaged afresh from the survivors in reverse order",
                                made.replayEqual() ? "the same weights, bit for bit" : "DIFFERENT")
                        .build());
        section.columns(
                Callout.shows(
                        compare("soup − " + shard, "soup"),
                        "The new soup is a function of the survivors' weights alone, so nothing"
                                + " that was learned from "
                                + shard
                                + " during fine-tuning is in it."),
                Callout.doesNotShow(
                        "What the base learned before the shards existed stays: here the base saw"
                                + " other providers' drawings of the same training subjects.",
                        "Near-duplicates of a withdrawn picture in another shard stay too.",
                        "Whoever has both soups can compute the withdrawn ingredient from them:"
                                + " n·w_n − (n−1)·w_(n−1)."));
    }

    private void cost(Section section) {
        DemoModel soup = model("soup");
        DemoModel ensemble = model("ensemble");
        Table.Builder t =
                Table.titled(
                        "Same prompts, steps and batch; one picture needs "
                                + 2 * made.plan().samplingSteps()
                                + " passes through one UNet with guidance.",
                        "Model|",
                        "Processor time per picture|seconds",
                        "UNet weights|MB in float32",
                        "UNets run|per denoising step");
        for (DemoModel m : List.of(model("base"), soup, ensemble)) {
            t.row(
                    Table.Cell.text(m.label(), m.note()),
                    Table.Cell.number(m.secondsPerPicture(), 3),
                    Table.Cell.number(m.unetBytes() / 1e6, 1),
                    Table.Cell.number(m.folders().size(), 0));
        }
        section.prose(
                "The ensemble averages what the ingredients predict; the soup averages the"
                        + " ingredients (paper, Eq. 5). The first costs one model per ingredient"
                        + " at every step, the second costs one model.");
        section.add(t.build());
        section.prose(compare("soup", "ensemble"));
    }

    private void training(Section section) {
        section.add(
                LossCurve.chart("Loss while fine-tuning", made.curves())
                        .captioned("Thin: every step. Thick: smoothed."));
        Table.Builder t =
                Table.titled(
                        "",
                        "Ingredient",
                        "Training pictures",
                        "Steps",
                        "Loss|mean of the last tenth of the steps");
        made.curves()
                .forEach((name, curve) ->
                        t.row(
                                Table.Cell.text(name),
                                Table.Cell.number(made.rows().getOrDefault(name, unionRows()), 0),
                                Table.Cell.number(curve.points().size(), 0),
                                Table.Cell.number(curve.finalLoss(), DIGITS)));
        section.add(t.build());
        section.prose(
                "Losses of different shards are not comparable: some domains are harder to draw.");
    }

    private void repeat(Section section) {
        DemoPlan p = made.plan();
        section.prose("Same machine, same number of threads: the same weights, bit for bit.");
        section.code(
                "OMP_NUM_THREADS="
                        + made.threads()
                        + " ./soup demo --out "
                        + p.out().getFileName()
                        + " --shards "
                        + String.join(",", p.domains())
                        + " --withdraw "
                        + p.withdrawn()
                        + " --steps "
                        + p.steps()
                        + " --prompts "
                        + p.prompts()
                        + " --sampling-steps "
                        + p.samplingSteps()
                        + " --seed "
                        + p.seed());
        section.prose("Judge: " + made.judge() + ".");
    }

    /**
     * How often an ingredient has seen each picture of its shard, such as {@code 28 to 82 times}.
     */
    private String timesSeen() {
        double[] times =
                made.rows().values().stream()
                        .mapToDouble(n -> (double) made.plan().steps() * made.plan().batch() / n)
                        .sorted()
                        .toArray();
        long least = Math.round(times[0]);
        long most = Math.round(times[times.length - 1]);
        return least == most
                ? "about " + Plural.of(most, "time")
                : "about " + least + " to " + Plural.of(most, "time");
    }

    private int unionRows() {
        return made.rows().values().stream().mapToInt(Integer::intValue).sum();
    }

    private String rowsNote() {
        return unionRows() + " training pictures in all";
    }

    private DemoModel model(String label) {
        return made.models().stream()
                .filter(m -> m.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no model " + label));
    }

    private static String format(double v, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", v);
    }

    private static String minutes(double seconds) {
        return seconds < 90
                ? format(seconds, 0) + " s"
                : (int) (seconds / 60) + " min " + (int) (seconds % 60) + " s";
    }
}
