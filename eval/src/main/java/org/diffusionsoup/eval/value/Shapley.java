package org.diffusionsoup.eval.value;

import java.util.List;
import org.diffusionsoup.eval.EvalException;

/**
 * Shapley values per prompt. They are linear in the game, so the mean over prompts of these is the
 * Shapley value of the mean score, and resampling prompts resamples them as they are.
 *
 * @param perPrompt [players][prompts]
 * @param samplingErrors standard error of each player's value that comes of the choice of orders,
 *     from the spread between antithetic pairs; all 0 for an exact plan, NaN where there are too
 *     few pairs to tell
 */
record Shapley(double[][] perPrompt, double[] samplingErrors) {
    static Shapley of(CoalitionGame game, ShapleyPlan plan) {
        if (game.players() != plan.players()) {
            throw new EvalException(
                    "The plan is for %d players, the game has %d."
                            .formatted(plan.players(), game.players()));
        }
        return switch (plan) {
            case ShapleyPlan.Exact e -> exact(game, e.players());
            case ShapleyPlan.Sampled s -> sampled(game, s);
        };
    }

    /** sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)). */
    private static Shapley exact(CoalitionGame game, int n) {
        double[] weight = new double[n];
        weight[0] = 1.0 / n;
        for (int s = 1; s < n; s++) {
            weight[s] = weight[s - 1] * s / (n - s);
        }
        double[][] values = new double[n][game.scores(0).length];
        for (long coalition = 0; coalition < 1L << n; coalition++) {
            double[] scores = game.scores(coalition);
            int size = Long.bitCount(coalition);
            for (int i = 0; i < n; i++) {
                boolean in = (coalition >> i & 1) == 1;
                add(values[i], in ? weight[size - 1] : -weight[size], scores);
            }
        }
        return new Shapley(values, new double[n]);
    }

    private static Shapley sampled(CoalitionGame game, ShapleyPlan.Sampled plan) {
        int n = plan.players();
        List<List<Integer>> orders = plan.orders();
        int prompts = game.scores(0).length;
        double[][] values = new double[n][prompts];
        int pairs = orders.size() / 2;
        double[][] ofPair = new double[pairs][n];
        for (int k = 0; k < orders.size(); k++) {
            long before = 0;
            for (int i : orders.get(k)) {
                long with = before | 1L << i;
                double[] a = game.scores(with);
                double[] b = game.scores(before);
                add(values[i], 1.0 / orders.size(), a);
                add(values[i], -1.0 / orders.size(), b);
                ofPair[k / 2][i] += (mean(a) - mean(b)) / 2;
                before = with;
            }
        }
        double[] errors = new double[n];
        for (int i = 0; i < n; i++) {
            double middle = 0;
            for (double[] pair : ofPair) {
                middle += pair[i] / pairs;
            }
            double squares = 0;
            for (double[] pair : ofPair) {
                squares += (pair[i] - middle) * (pair[i] - middle);
            }
            errors[i] = plan.hasError() ? Math.sqrt(squares / (pairs - 1) / pairs) : Double.NaN;
        }
        return new Shapley(values, errors);
    }

    private static void add(double[] to, double factor, double[] what) {
        for (int p = 0; p < to.length; p++) {
            to[p] += factor * what[p];
        }
    }

    static double mean(double[] values) {
        double sum = 0;
        for (double v : values) {
            sum += v;
        }
        return sum / values.length;
    }
}
