package org.diffusionsoup.eval;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Models beside each other: same judge, same prompts, same number of seeds. Higher is better.
 *
 * @param baseline name of the model the differences are taken to
 * @param rows one per model, in the order given
 * @param best the model whose paired interval over every other model lies above 0, if there is one
 */
public record ScoreTable(String baseline, List<Row> rows, Optional<String> best) {

    /**
     * One model.
     *
     * @param score mean and interval
     * @param toBaseline paired difference to the baseline; empty in the baseline's own row
     */
    public record Row(Score score, Optional<Interval> toBaseline) {}

    public ScoreTable {
        rows = List.copyOf(rows);
    }

    /**
     * Compares models.
     *
     * @param models at least one, with distinct names
     * @param baseline the name of one of them
     * @throws EvalException if judges, prompts or seeds differ, names repeat, or the baseline is
     *     not among them
     */
    public static ScoreTable compare(List<ScoreSet> models, String baseline, Bootstrap bootstrap) {
        Set<String> names = new HashSet<>();
        for (ScoreSet model : models) {
            if (!names.add(model.model())) {
                throw new EvalException("Two models are called '%s'.".formatted(model.model()));
            }
            models.getFirst().requireComparable(model);
        }
        ScoreSet base =
                models.stream()
                        .filter(m -> m.model().equals(baseline))
                        .findFirst()
                        .orElseThrow(() ->
                                new EvalException(
                                        "The baseline '%s' is not among the models %s."
                                                .formatted(baseline, names)));
        List<Row> rows =
                models.stream()
                        .map(m ->
                                new Row(
                                        m.summary(bootstrap),
                                        m.model().equals(baseline)
                                                ? Optional.empty()
                                                : Optional.of(m.minus(base, bootstrap))))
                        .toList();
        return new ScoreTable(baseline, rows, findBest(models, bootstrap));
    }

    /** The judge all rows share. */
    public Judge judge() {
        return rows.getFirst().score().judge();
    }

    private static Optional<String> findBest(List<ScoreSet> models, Bootstrap bootstrap) {
        if (models.size() < 2) {
            return Optional.empty();
        }
        ScoreSet top =
                models.stream()
                        .max(Comparator.comparingDouble(m -> Bootstrap.average(m.perPrompt())))
                        .orElseThrow();
        boolean clear =
                models.stream()
                        .filter(m -> !m.model().equals(top.model()))
                        .allMatch(m -> top.minus(m, bootstrap).low() > 0);
        return clear ? Optional.of(top.model()) : Optional.empty();
    }
}
