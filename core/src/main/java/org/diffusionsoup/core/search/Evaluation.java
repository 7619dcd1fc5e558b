package org.diffusionsoup.core.search;

import java.util.List;

/**
 * A candidate and what it scored.
 *
 * @param number in order of evaluation, from 1
 * @param scores one per validation prompt
 */
public record Evaluation(int number, Candidate candidate, List<Double> scores) {
    public Evaluation {
        scores = List.copyOf(scores);
    }

    /** The candidate's score: the mean over the prompts. */
    public double mean() {
        return mean(scores);
    }

    static double mean(List<Double> scores) {
        double sum = 0;
        for (double s : scores) {
            sum += s;
        }
        return sum / scores.size();
    }
}
