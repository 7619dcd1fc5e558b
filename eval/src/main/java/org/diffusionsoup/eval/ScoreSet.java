package org.diffusionsoup.eval;

import java.util.ArrayList;
import java.util.List;

/**
 * Every single score of one model: prompts × seeds, by one judge.
 *
 * @param model the model's name
 * @param judge who gave the scores
 * @param prompts the prompts, in the order of {@code values}
 * @param values one list per prompt, each with one finite score per seed, all equally long
 */
public record ScoreSet(String model, Judge judge, List<String> prompts, List<List<Double>> values) {

    /**
     * @throws EvalException if the table is empty, ragged, or holds a value that is not finite
     */
    public ScoreSet {
        prompts = List.copyOf(prompts);
        values = values.stream().map(List::copyOf).toList();
        if (prompts.isEmpty() || prompts.size() != values.size()) {
            throw new EvalException(
                    "The scores of '%s' hold %d prompts but %d rows of values."
                            .formatted(model, prompts.size(), values.size()));
        }
        int seeds = values.getFirst().size();
        for (int p = 0; p < prompts.size(); p++) {
            List<Double> row = values.get(p);
            if (row.isEmpty() || row.size() != seeds) {
                throw new EvalException(
                        "Prompt '%s' has %d scores of '%s' where the first prompt has %d."
                                .formatted(prompts.get(p), row.size(), model, seeds));
            }
            for (double value : row) {
                if (!Double.isFinite(value)) {
                    throw new EvalException(
                            "A score of '%s' for prompt '%s' is %s."
                                    .formatted(model, prompts.get(p), value));
                }
            }
        }
    }

    /**
     * From an array.
     *
     * @param values [prompts][seeds]
     */
    public static ScoreSet of(String model, Judge judge, List<String> prompts, double[][] values) {
        List<List<Double>> rows = new ArrayList<>();
        for (double[] row : values) {
            List<Double> boxed = new ArrayList<>(row.length);
            for (double value : row) {
                boxed.add(value);
            }
            rows.add(boxed);
        }
        return new ScoreSet(model, judge, prompts, rows);
    }

    /** How many pictures were scored per prompt. */
    public int seeds() {
        return values.getFirst().size();
    }

    /** Mean over seeds, one per prompt. */
    public double[] perPrompt() {
        return values.stream()
                .mapToDouble(
                        row -> row.stream().mapToDouble(Double::doubleValue).sum() / row.size())
                .toArray();
    }

    /**
     * Mean over everything, with the interval over prompts.
     *
     * @throws EvalException with fewer than two prompts
     */
    public Score summary(Bootstrap bootstrap) {
        return new Score(model, judge, bootstrap.mean(perPrompt()), prompts.size(), seeds());
    }

    /**
     * Interval of this model's mean minus the other's, paired by prompt.
     *
     * @throws EvalException if judge, prompts or number of seeds differ
     */
    public Interval minus(ScoreSet other, Bootstrap bootstrap) {
        requireComparable(other);
        return bootstrap.pairedDifference(perPrompt(), other.perPrompt());
    }

    void requireComparable(ScoreSet other) {
        judge.requireSame(other.judge);
        if (!prompts.equals(other.prompts)) {
            throw new EvalException(
                    "'%s' and '%s' were scored on different prompts; score both on the same list."
                            .formatted(model, other.model));
        }
        if (seeds() != other.seeds()) {
            throw new EvalException(
                    "'%s' has %d seeds per prompt and '%s' has %d; use the same seeds for both."
                            .formatted(model, seeds(), other.model, other.seeds()));
        }
    }
}
