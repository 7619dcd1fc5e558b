package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.Table;

/** Charts of the gap between averaged weights and averaged predictions. */
final class LinearPage {
    private LinearPage() {}

    static void write(Path file, LinearResults r) {
        HtmlReport page =
                HtmlReport.titled("Averaging weights and averaging predictions")
                        .subtitle(r.verdict())
                        .footer(SoupVersion.PROGRAM + ": soup study linear");
        page.fact("Base", r.base(), "");
        page.fact("Rows", "" + r.rows(), "of " + r.shard());
        page.fact("Timesteps", "" + r.timesteps().size(), r.timesteps().toString());
        page.section("By the length of the way from the base")
                .prose(
                        "Every |Δw| is scaled down to an eighth along the straight line from the base."
                                + " A gap of second order rises as the square, its share of the"
                                + " effect in proportion: on axes that are both logarithmic,"
                                + " straight lines of slope 2 and 1.")
                .add(gaps(r), shares(r));
        page.section("By timestep").add(byTimestep(r));
        page.section("Numbers").add(table(r));
        page.write(file);
    }

    private static LineChart gaps(LinearResults r) {
        List<LineChart.Series> series =
                r.stages().stream()
                        .map(s ->
                                LineChart.Series.of(
                                        s.name(),
                                        distances(s),
                                        s.byScale().stream()
                                                .mapToDouble(x -> x.gap().estimate())
                                                .toArray()))
                        .toList();
        return LineChart.of("|ε_soup − ε_ensemble|", "|Δw|, root of the mean square", "gap", series)
                .withLogX()
                .withLogY();
    }

    private static LineChart shares(LinearResults r) {
        List<LineChart.Series> series =
                r.stages().stream()
                        .map(s ->
                                LineChart.Series.of(
                                        s.name(),
                                        distances(s),
                                        s.byScale().stream()
                                                .mapToDouble(x -> x.relative().estimate())
                                                .toArray()))
                        .toList();
        return LineChart.of(
                        "Its share of |ε_ensemble − ε_base|",
                        "|Δw|, root of the mean square",
                        "share",
                        series)
                .withLogX()
                .withLogY();
    }

    private static double[] distances(LinearResults.Stage s) {
        return s.byScale().stream().mapToDouble(LinearResults.AtScale::distance).toArray();
    }

    private static LineChart byTimestep(LinearResults r) {
        List<LineChart.Series> series =
                r.stages().stream()
                        .map(s ->
                                LineChart.Series.of(
                                        s.name(),
                                        s.byTimestep().stream()
                                                .mapToDouble(LinearResults.AtTimestep::timestep)
                                                .toArray(),
                                        s.byTimestep().stream()
                                                .mapToDouble(x -> x.gap().relative().estimate())
                                                .toArray()))
                        .toList();
        return LineChart.of("The gap's share of the effect", "timestep t", "share", series);
    }

    private static Table table(LinearResults r) {
        Table.Builder t =
                Table.titled(
                        "95 % bootstraps over rows. Exponent: of the gap over the scale s of Δw.",
                        "Stage",
                        "Mean |Δw|",
                        "Gap / effect|Eq. 5",
                        "Remainder / move|Eq. 4",
                        "Gap",
                        "Exponent");
        for (LinearResults.Stage s : r.stages()) {
            t.row(
                    Table.Cell.text(s.name(), String.join(", ", s.models())),
                    Table.Cell.text(String.format(Locale.ROOT, "%.2e", s.distance())),
                    Table.Cell.estimate(s.overall().relative(), 3),
                    Table.Cell.estimate(s.overall().taylor(), 3),
                    Table.Cell.estimate(s.overall().gap(), 5),
                    Table.Cell.estimate(s.exponent(), 2));
        }
        return t.build();
    }
}
