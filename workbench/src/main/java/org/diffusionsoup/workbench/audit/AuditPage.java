package org.diffusionsoup.workbench.audit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.report.Callout;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.ImageGrid;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;
import org.diffusionsoup.workbench.generate.GenerateSettings;

/** The audit as a page: who comes how close, and the closest pictures side by side. */
public final class AuditPage {
    private static final int SHOWN = 12;
    private static final int SIDE = 128;

    private AuditPage() {}

    /**
     * Writes the page, whole or not at all.
     *
     * @param rows one per model; those held against the same shard share its {@link
     *     MemorizationAudit}
     * @param bound largest rate of near copies that passes
     * @param sampling by which the models drew
     * @param seed of the noise and of the choice of prompts
     */
    public static void write(
            List<AuditRow> rows, double bound, GenerateSettings sampling, long seed, Path file) {
        Map<MemorizationAudit, List<AuditRow>> byShard = new LinkedHashMap<>();
        rows.forEach(r -> byShard.computeIfAbsent(r.audit(), a -> new ArrayList<>()).add(r));
        HtmlReport page =
                HtmlReport.titled("Memorization audit")
                        .subtitle(
                                "How close drawn pictures come to those of "
                                        + byShard.values().stream()
                                                .map(r -> r.getFirst().against())
                                                .collect(Collectors.joining(", ")));
        byShard.forEach((audit, held) -> facts(page, audit, held, byShard.size() > 1));
        Judge judge = rows.getFirst().audit().judge();
        page.fact("Judge", judge.name(), "weights " + judge.weightsSha256().substring(0, 12));
        page.fact(
                "Sampling",
                Plural.of(sampling.steps(), "step"),
                "guidance scale "
                        + sampling.guidance()
                        + sampling.sampler().map(s -> ", " + s).orElse("")
                        + ", seed "
                        + seed);
        Section rates = page.section("Near copies");
        rates.prose(
                "A model passes when the upper end of its rate's 95 %% interval (Wilson) is within %s."
                        .formatted(percent(bound)));
        Table.Builder table =
                Table.titled(
                        "Rates of near copies and their 95 % intervals.",
                        "Model|and what it is held against",
                        "Bound|" + percent(bound),
                        "Near copies",
                        "Rate|95 %",
                        "To " + rows.getFirst().result().model() + "|95 %",
                        "Median to nearest",
                        "To its own");
        rows.forEach(r -> table.row(rate(r, rows.getFirst(), bound)));
        byShard.forEach((audit, held) -> table.row(reference(audit, held.getFirst().against())));
        rates.add(table.build());
        List<String> weak = byShard.keySet().stream().flatMap(a -> a.weakness().stream()).toList();
        if (!weak.isEmpty()) {
            rates.add(new Callout(Callout.Kind.WARNING, "The threshold says little", weak));
        }
        Section distances = page.section("Distances");
        byShard.forEach((audit, held) -> distances.add(distances(audit, held)));
        Section pictures = page.section("The closest pictures");
        rows.forEach(r -> pictures.add(closest(r)));
        page.write(file);
    }

    private static void facts(
            HtmlReport page, MemorizationAudit audit, List<AuditRow> held, boolean several) {
        String of = several ? ", " + held.getFirst().against() : "";
        page.fact("Protected pictures" + of, Integer.toString(audit.shard().size()), "");
        page.fact("Drawn by each model" + of, Integer.toString(audit.drawn().size()), "");
        page.fact(
                "Near copy below" + of,
                number(audit.threshold()),
                "closer than 99 of 100 reference pictures"
                        + (audit.leftOut() > 0
                                ? "; %d left out, near-doubles of protected ones"
                                        .formatted(audit.leftOut())
                                : ""));
        page.fact(
                "Reference" + of,
                audit.against().name(),
                Plural.of(audit.reference().size(), "real picture"));
    }

    private static Table.Cell[] reference(MemorizationAudit audit, String against) {
        return new Table.Cell[] {
            Table.Cell.text("(reference)", against),
            Table.Cell.empty(),
            Table.Cell.empty(),
            Table.Cell.text(percent(MemorizationAudit.BY_CHANCE)),
            Table.Cell.empty(),
            Table.Cell.text(number(audit.typical())),
            Table.Cell.empty()
        };
    }

    private static Table.Cell[] rate(AuditRow row, AuditRow first, double bound) {
        Interval rate = row.rate();
        MemorizationAudit.Result result = row.result();
        return new Table.Cell[] {
            Table.Cell.text(result.model(), row.against()),
            Table.Cell.text(result.standing(bound)),
            Table.Cell.text(result.copies().hits() + " of " + result.copies().total()),
            Table.Cell.text(
                    percent(rate.estimate()), percent(rate.low()) + " to " + percent(rate.high())),
            row == first
                    ? Table.Cell.empty()
                    : Table.Cell.text(row.minus(first).text().replace('-', '−')),
            Table.Cell.text(number(MemorizationAudit.median(result.nearest()))),
            Table.Cell.text(number(MemorizationAudit.median(result.own())))
        };
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static LineChart distances(MemorizationAudit audit, List<AuditRow> held) {
        List<LineChart.Series> lines = new ArrayList<>();
        lines.add(cumulative("real pictures nobody was trained on", audit.reference()));
        held.forEach(r -> lines.add(cumulative(r.result().model(), r.result().nearest())));
        return LineChart.of(
                        "Share of pictures closer than a distance to one of "
                                + held.getFirst().against(),
                        "1 − cosine to the closest protected picture",
                        "share of pictures",
                        lines)
                .captioned(
                        "Lines further right keep a larger distance. The prompts are the protected"
                                + " pictures' own, so pictures of the right subject are closer than"
                                + " any others without being copies.");
    }

    private static LineChart.Series cumulative(String name, List<Double> distances) {
        double[] x = distances.stream().mapToDouble(d -> d).sorted().toArray();
        double[] y =
                IntStream.rangeClosed(1, x.length)
                        .mapToDouble(i -> i / (double) x.length)
                        .toArray();
        return LineChart.Series.of(name, x, y);
    }

    private static ImageGrid closest(AuditRow row) {
        MemorizationAudit audit = row.audit();
        MemorizationAudit.Result r = row.result();
        ImageGrid.Builder grid =
                ImageGrid.titled(
                                "%s: drawn, and the picture of %s closest to it"
                                        .formatted(r.model(), row.against()),
                                List.of("drawn", "protected"))
                        .pixels(96);
        IntStream.range(0, r.nearest().size())
                .boxed()
                .sorted(Comparator.comparing(r.nearest()::get))
                .limit(SHOWN)
                .forEach(i -> {
                    int at = r.closest().get(i);
                    SampleInfo info = audit.shard().infos().get(audit.drawn().get(i));
                    grid.row(
                            info.prompt(),
                            number(r.nearest().get(i))
                                    + (r.nearest().get(i) < audit.threshold() ? ", near copy" : ""),
                            List.of(png(r.pictures().get(i)), png(audit.shard().get(at).image())));
                });
        return grid.build();
    }

    private static byte[] png(RgbImage image) {
        return PngCodec.encode(image.width() <= SIDE ? image : image.resized(SIDE, SIDE));
    }

    private static String number(double d) {
        return String.format(Locale.ROOT, "%.4f", d);
    }
}
