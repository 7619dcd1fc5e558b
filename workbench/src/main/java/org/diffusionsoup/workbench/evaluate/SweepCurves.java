package org.diffusionsoup.workbench.evaluate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.report.HtmlReport;
import org.diffusionsoup.report.LineChart;
import org.diffusionsoup.report.Section;
import org.diffusionsoup.report.Table;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Place;

/**
 * The results of a sweep as curves over the steps of training (paper, Fig. 7): scores with their
 * intervals, and differences to the baseline at the same place, paired by prompt.
 */
final class SweepCurves {
    private static final int DIGITS = 4;

    private final Evaluation evaluation;
    private final EvaluationRecipe recipe;
    private final Set<Double> rates = new LinkedHashSet<>();

    SweepCurves(Evaluation evaluation) {
        this.evaluation = evaluation;
        recipe = evaluation.recipe();
        recipe.sweep().values().forEach(p -> rates.add(p.rate()));
    }

    void addTo(HtmlReport report) {
        for (Evaluation.Judged judged : evaluation.judges()) {
            Section section = report.section(judged.name() + " over the steps of training");
            section.add(
                    chart(
                            judged.name() + " of every model",
                            judged.name(),
                            curves(judged, (set, place) -> Optional.of(mean(set)))));
            if (recipe.models().containsKey(recipe.baseline())
                    || recipe.sweep().values().stream()
                            .anyMatch(p -> p.curve().equals(recipe.baseline()))) {
                Map<String, List<Value>> differences =
                        curves(judged, (set, place) -> difference(judged, set, place));
                section.add(
                        chart(
                                "Difference to %s at the same step".formatted(recipe.baseline()),
                                judged.name() + " above " + recipe.baseline(),
                                differences),
                        table(differences));
            }
        }
    }

    /** A value at a number of steps. */
    private record Value(long steps, Interval interval) {}

    private interface Measure {
        Optional<Interval> of(ScoreSet set, Place place);
    }

    private Map<String, List<Value>> curves(Evaluation.Judged judged, Measure measure) {
        Map<String, List<Value>> curves = new LinkedHashMap<>();
        for (ScoreSet set : judged.sets()) {
            Place at = recipe.sweep().get(set.model());
            // What is not swept is as good at every step: a level line.
            List<Place> places = at == null ? ends(set.model()) : List.of(at);
            for (Place place : places) {
                measure.of(set, place)
                        .ifPresent(i ->
                                curves.computeIfAbsent(label(place), k -> new ArrayList<>())
                                        .add(new Value(place.steps(), i)));
            }
        }
        return curves;
    }

    /** The first and the last step of the sweep. */
    private List<Place> ends(String model) {
        LongSummaryStatistics steps =
                recipe.sweep().values().stream().mapToLong(Place::steps).summaryStatistics();
        return steps.getMin() == steps.getMax()
                ? List.of(new Place(model, steps.getMin(), 0))
                : List.of(new Place(model, steps.getMin(), 0), new Place(model, steps.getMax(), 0));
    }

    private String label(Place place) {
        return rates.size() == 1 || place.rate() == 0
                ? place.curve()
                : place.curve() + ", " + Place.text(place.rate());
    }

    private static Interval mean(ScoreSet set) {
        return set.summary(Bootstrap.seeded(0)).mean();
    }

    /** To the baseline's model at the same place; empty for the baseline itself. */
    private Optional<Interval> difference(Evaluation.Judged judged, ScoreSet set, Place place) {
        return judged.sets().stream()
                .filter(other -> isBaseline(other.model(), place))
                .filter(other -> !other.model().equals(set.model()))
                .findFirst()
                .map(other -> set.minus(other, Bootstrap.seeded(0)));
    }

    private boolean isBaseline(String model, Place at) {
        Place place = recipe.sweep().get(model);
        return place == null
                ? model.equals(recipe.baseline())
                : place.equals(new Place(recipe.baseline(), at.steps(), at.rate()));
    }

    private LineChart chart(String title, String label, Map<String, List<Value>> curves) {
        List<LineChart.Series> series = new ArrayList<>();
        curves.forEach((name, values) ->
                series.add(
                        new LineChart.Series(
                                name,
                                values.stream()
                                        .map(v ->
                                                new LineChart.Point(
                                                        v.steps(),
                                                        v.interval().estimate(),
                                                        v.interval().low(),
                                                        v.interval().high()))
                                        .toList(),
                                List.of())));
        return LineChart.of(title, "steps of training", label, series)
                .withLogX()
                .captioned(
                        "95 % intervals, bootstrap over "
                                + Plural.of(recipe.prompts().size(), "prompt")
                                + ".");
    }

    private Table table(Map<String, List<Value>> curves) {
        List<Long> steps =
                recipe.sweep().values().stream().map(Place::steps).distinct().sorted().toList();
        List<String> heads = new ArrayList<>(List.of("Model"));
        steps.forEach(s -> heads.add(s + " steps"));
        Table.Builder table =
                Table.titled(
                        "Differences to %s, paired by prompt.".formatted(recipe.baseline()),
                        heads.toArray(String[]::new));
        curves.forEach((name, values) -> {
            List<Table.Cell> row = new ArrayList<>(List.of(Table.Cell.text(name)));
            for (long s : steps) {
                row.add(
                        values.stream()
                                .filter(v -> v.steps() == s)
                                .findFirst()
                                .map(v -> Table.Cell.estimate(v.interval(), DIGITS))
                                .orElse(Table.Cell.text("")));
            }
            table.row(row.toArray(Table.Cell[]::new));
        });
        return table.build();
    }
}
