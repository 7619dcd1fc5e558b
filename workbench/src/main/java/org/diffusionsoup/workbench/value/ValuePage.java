package org.diffusionsoup.workbench.value;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.diffusionsoup.core.Decimals;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.value.PlayerValue;
import org.diffusionsoup.eval.value.ShapleyPlan;
import org.diffusionsoup.report.BarChart;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;

/** The page of one valuation: charts, values, every coalition. */
final class ValuePage {
    private static final int DIGITS = 4;

    private ValuePage() {}

    static void write(Path file, ValueRequest request, FoundValues found) {
        HtmlReport page =
                HtmlReport.titled("What each ingredient is worth")
                        .subtitle(
                                "Gain over the base: "
                                        + found.values().gain().formatSigned(DIGITS)
                                        + ", which the Shapley values add up to")
                        .footer("Judge: " + found.judge() + ". Journal " + found.journalSha256());
        page.fact("Coalitions", "" + found.coalitions().size(), how(request.plan()));
        page.fact("Base", found.values().base().formatTyped(DIGITS), "nobody's score");
        page.fact("Soup of all", found.values().all().formatTyped(DIGITS), "everyone's score");
        page.fact(
                "Prompts × seeds",
                request.prompts().size() + " × " + request.seeds().size(),
                "the same for all coalitions");
        Section values = page.section("Values");
        values.prose(
                "Intervals are 95 % bootstraps over prompts, the same prompts drawn for every"
                        + " coalition. A value whose interval holds 0 may be chance.");
        Bootstrap.caution(request.prompts().size(), "prompts").ifPresent(values::prose);
        values.add(chart("Shapley value", PlayerValue::shapley, found))
                .add(
                        chart(
                                "Left out: what the soup of all loses without it",
                                PlayerValue::leaveOneOut,
                                found),
                        values(request, found));
        page.section("Coalitions").add(coalitions(found));
        page.write(file);
    }

    static String how(ShapleyPlan plan) {
        return switch (plan) {
            case ShapleyPlan.Exact e -> "all of " + e.players() + " players";
            case ShapleyPlan.Sampled s -> s.orders().size() + " permutations in antithetic pairs";
        };
    }

    private static BarChart chart(
            String title, Function<PlayerValue, Interval> value, FoundValues found) {
        List<BarChart.Bar> bars = new ArrayList<>();
        for (PlayerValue v : found.values().players()) {
            Interval i = value.apply(v);
            bars.add(new BarChart.Bar(v.name(), i, !i.contains(0)));
        }
        return BarChart.bars(title, found.judge().name(), DIGITS, bars)
                .captioned("In colour: the interval leaves 0 out.");
    }

    private static Table values(ValueRequest request, FoundValues found) {
        boolean sampled = request.plan() instanceof ShapleyPlan.Sampled;
        Table.Builder t =
                Table.titled(
                        "",
                        "Player",
                        "Shapley value",
                        sampled
                                ? "sampling ±|"
                                        + (ValueTable.hasError(request)
                                                ? "standard error"
                                                : "too few to tell")
                                : "sampling ±|none: exact",
                        "Left out",
                        "Alone|minus the base");
        for (int i = 0; i < request.players().size(); i++) {
            PlayerValue v = found.values().players().get(i);
            String members = ValueTable.members(request.players().get(i), found);
            t.row(
                    Table.Cell.text(v.name(), members.equals(v.name()) ? "" : members),
                    Table.Cell.difference(v.shapley(), DIGITS),
                    sampled && v.samplingError().isPresent()
                            ? Table.Cell.number(v.samplingError().getAsDouble(), DIGITS)
                            : Table.Cell.empty(),
                    Table.Cell.difference(v.leaveOneOut(), DIGITS),
                    Table.Cell.difference(v.alone(), DIGITS));
        }
        return t.build();
    }

    private static Table coalitions(FoundValues found) {
        Table.Builder t = Table.titled("", "No.", "Soup", "Score");
        for (Evaluation e : found.coalitions()) {
            t.row(
                    "" + e.number(),
                    e.candidate().describe(found.ingredients()),
                    Decimals.of(e.mean(), DIGITS).replace('-', '−'));
        }
        return t.build();
    }
}
