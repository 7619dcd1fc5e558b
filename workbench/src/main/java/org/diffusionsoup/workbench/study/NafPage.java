package org.diffusionsoup.workbench.study;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupVersion;
import org.diffusionsoup.report.BarChart;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.Table;

/** Charts of divergences from safe models. */
final class NafPage {
    private static final int PROMPTS = 40;

    private NafPage() {}

    static void write(Path file, NafResults r) {
        HtmlReport page =
                HtmlReport.titled("How far from a model that has not seen it")
                        .subtitle("Divergences in nats; a promise about no single picture")
                        .footer(SoupVersion.PROGRAM + ": soup study naf");
        page.section("The geometric mean of two distributions")
                .prose(
                        "Beside the divergence of the geometric mean from each of the two stands that"
                                + " of the trajectories under the mean of their scores, which bounds"
                                + " what is sampled.")
                .add(paths(r), table(r));
        if (r.models() != null) {
            models(page, r.models());
        }
        page.write(file);
    }

    private static BarChart paths(NafResults r) {
        List<BarChart.Bar> bars = new ArrayList<>();
        for (NafResults.Case c : r.cases()) {
            for (NafResults.Safe s : c.safe()) {
                String name = c.name() + ", " + s.name();
                bars.add(BarChart.Bar.exact(name + ": geometric mean", s.quadrature()));
                bars.add(new BarChart.Bar(name + ": trajectories", s.path(), true));
            }
        }
        return BarChart.bars("KL from the safe model", "nats", 3, bars);
    }

    private static Table table(NafResults r) {
        Table.Builder t =
                Table.titled(
                        "Intervals are 95 % bootstraps over trajectories.",
                        "Shards",
                        "Safe",
                        "Closed form",
                        "Quadrature",
                        "Trajectories",
                        "Max divergence");
        for (NafResults.Case c : r.cases()) {
            for (NafResults.Safe s : c.safe()) {
                t.row(
                        Table.Cell.text(c.name()),
                        Table.Cell.text(s.name()),
                        s.closedForm() == null
                                ? Table.Cell.empty()
                                : Table.Cell.number(s.closedForm(), 4),
                        Table.Cell.number(s.quadrature(), 4),
                        Table.Cell.estimate(s.path(), 4),
                        s.maxDivergence() == null || Boolean.FALSE.equals(s.bounded())
                                ? Table.Cell.text(s.maxText())
                                : Table.Cell.number(s.maxDivergence(), 4));
            }
        }
        return t.build();
    }

    private static void models(HtmlReport page, NafResults.OfModels m) {
        page.fact("Soup", m.soup(), "against " + m.safe());
        page.fact("KL of trajectories", m.path().formatTyped(1), "nats, mean over prompts");
        List<BarChart.Bar> bars =
                m.prompts().stream()
                        .sorted(Comparator.comparingDouble(NafResults.Prompt::path).reversed())
                        .limit(PROMPTS)
                        .map(p -> BarChart.Bar.exact(p.prompt(), p.path()))
                        .toList();
        page.section("A soup and a safe model")
                .prose(
                        String.format(
                                Locale.ROOT,
                                "%s against %s, which is said to have seen none of %s: %s of %s per prompt, %,d values each.",
                                m.soup(),
                                m.safe(),
                                m.shard(),
                                Plural.of(m.trajectories(), "trajectory", "trajectories"),
                                Plural.of(m.steps(), "step"),
                                m.values()))
                .add(BarChart.bars("KL of trajectories by prompt", "nats", 1, bars));
    }
}
