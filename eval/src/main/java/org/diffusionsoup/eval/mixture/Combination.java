package org.diffusionsoup.eval.mixture;

import java.util.List;

/** How several distributions become one: as a density, and as a score that samples from it. */
public enum Combination {
    /**
     * (1/n) Σ ∇ log p_i(x_t), what a uniform soup approximates; Proposition 1 says that it samples
     * from the normalised geometric mean.
     */
    GEOMETRIC {
        @Override
        public double logDensity(List<Mixture> of, double x, double y, double[] score) {
            double log = 0;
            double sx = 0;
            double sy = 0;
            for (Mixture m : of) {
                log += m.logDensity(x, y, score);
                sx += score[0];
                sy += score[1];
            }
            score[0] = sx / of.size();
            score[1] = sy / of.size();
            return log / of.size();
        }
    },
    /**
     * Σ k_i ∇ log p_i(x_t) with k_i = λ_i p_i(x_t) / p(x_t) and all λ_i alike; Proposition 2 says
     * that it samples from the arithmetic mean.
     */
    ARITHMETIC {
        @Override
        public double logDensity(List<Mixture> of, double x, double y, double[] score) {
            double most = Double.NEGATIVE_INFINITY;
            for (Mixture m : of) {
                most = Math.max(most, m.logDensity(x, y));
            }
            double p = 0;
            double sx = 0;
            double sy = 0;
            for (Mixture m : of) {
                double share = Math.exp(m.logDensity(x, y, score) - most);
                p += share;
                sx += share * score[0];
                sy += share * score[1];
            }
            score[0] = sx / p;
            score[1] = sy / p;
            return most + Math.log(p / of.size());
        }
    };

    /**
     * Logarithm of the combined density, not normalised, and its gradient.
     *
     * @param of the distributions, clean or all diffused alike
     * @param score takes the gradient, (2)
     */
    public abstract double logDensity(List<Mixture> of, double x, double y, double[] score);
}
