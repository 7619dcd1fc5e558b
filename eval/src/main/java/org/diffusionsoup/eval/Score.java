package org.diffusionsoup.eval;

/**
 * A model's mean score with its interval: what goes into a table.
 *
 * @param model the model's name
 * @param judge who gave it
 * @param mean mean over prompts of the mean over seeds, in the judge's convention
 * @param prompts how many prompts, at least 2
 * @param seeds how many pictures per prompt, at least 1
 */
public record Score(String model, Judge judge, Interval mean, int prompts, int seeds) {

    /**
     * @throws EvalException if the counts are too small
     */
    public Score {
        if (prompts < 2 || seeds < 1) {
            throw new EvalException(
                    "The score of '%s' needs at least 2 prompts and 1 seed, got %d and %d."
                            .formatted(model, prompts, seeds));
        }
    }

    /**
     * Whether this mean is higher; says nothing about chance, see {@link ScoreTable#best()} for
     * that.
     *
     * @throws EvalException if the other score has another judge
     */
    public boolean isAbove(Score other) {
        judge.requireSame(other.judge);
        return mean.estimate() > other.mean.estimate();
    }
}
