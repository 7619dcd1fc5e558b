package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.Table;

/** Charts of costs over the number of members. */
final class CostPage {
    private static final double MB = 1e6;

    private CostPage() {}

    static void write(Path file, CostResults r) {
        CostResults.Exponents e = r.exponents();
        HtmlReport page =
                HtmlReport.titled("What a soup and an ensemble of n models cost")
                        .subtitle(
                                "%s, %s of %s, %s, %s"
                                        .formatted(
                                                r.model(),
                                                Plural.of(r.pictures(), "picture"),
                                                Plural.of(r.steps(), "step"),
                                                Plural.of(r.repeats(), "repeat"),
                                                Plural.of(r.threads(), "thread")))
                        .footer(SoupVersion.PROGRAM + ": soup study costs");
        page.fact(
                "Soup's time", "n^" + e.soup().processorSeconds().formatTyped(2), "processor time");
        page.fact(
                "Ensemble's time",
                "n^" + e.ensemble().processorSeconds().formatTyped(2),
                "processor time");
        page.fact("Soup's weights", power(e.soup().weightBytes()), "bytes of parameters");
        page.fact("Ensemble's weights", power(e.ensemble().weightBytes()), "bytes of parameters");
        page.section("Time")
                .add(
                        chart(
                                r,
                                "Time per picture",
                                "processor seconds per picture",
                                c -> c.processorSecondsPerPicture().estimate()));
        page.section("Memory")
                .add(
                        chart(r, "Weights held", "MB", c -> c.weightBytes() / MB),
                        chart(
                                r,
                                "Growth of the process as they were loaded",
                                "MB",
                                c ->
                                        c.residentBytes() == null
                                                ? Double.NaN
                                                : Objects.requireNonNull(c.residentBytes()) / MB));
        page.section("Numbers").add(table(r));
        page.write(file);
    }

    private static String power(double exponent) {
        return String.format(Locale.ROOT, "n^%.2f", exponent).replace('-', '−');
    }

    private static LineChart chart(
            CostResults r, String title, String unit, ToDoubleFunction<CostResults.Cost> value) {
        double[] n = r.rows().stream().mapToDouble(CostResults.Row::members).toArray();
        double[] soup = r.rows().stream().mapToDouble(x -> value.applyAsDouble(x.soup())).toArray();
        double[] ensemble =
                r.rows().stream().mapToDouble(x -> value.applyAsDouble(x.ensemble())).toArray();
        return LineChart.of(
                        title,
                        "members n",
                        unit,
                        List.of(
                                LineChart.Series.of("soup", n, soup),
                                LineChart.Series.of("ensemble", n, ensemble)))
                .withLogX()
                .withLogY();
    }

    private static Table table(CostResults r) {
        Table.Builder t =
                Table.titled(
                        "Medians with 95 % bootstraps over repeats.",
                        "n",
                        "Soup|s per picture",
                        "Ensemble|s per picture",
                        "Ratio|processor time",
                        "Soup|MB of weights",
                        "Ensemble|MB of weights");
        for (CostResults.Row row : r.rows()) {
            t.row(
                    Table.Cell.text("" + row.members()),
                    Table.Cell.estimate(row.soup().processorSecondsPerPicture(), 4),
                    Table.Cell.estimate(row.ensemble().processorSecondsPerPicture(), 4),
                    Table.Cell.estimate(row.ratio(), 2),
                    Table.Cell.number(row.soup().weightBytes() / MB, 1),
                    Table.Cell.number(row.ensemble().weightBytes() / MB, 1));
        }
        return t.build();
    }
}
