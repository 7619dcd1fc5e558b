package org.diffusionsoup.eval.mixture;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.eval.EvalException;

/**
 * Samples by the reverse process (paper, Eq. 2) on the timesteps of a training schedule: one step
 * of the ancestral sampler per timestep, x_{t-1} = (x_t + β_t s(x_t)) / √(1 - β_t) + √β̃_t z with
 * β̃_t = β_t (1 - ᾱ_{t-1}) / (1 - ᾱ_t) (Ho et al. 2020).
 */
public final class ReverseDiffusion {
    private final double[] betas;
    private final double[] products;
    private final Combination how;
    private final List<List<Mixture>> diffused = new ArrayList<>();

    /**
     * @param betas β_t of the timesteps, each in (0, 1)
     * @param of the distributions at t = 0
     * @param how their scores are combined
     */
    public ReverseDiffusion(double[] betas, Combination how, List<Mixture> of) {
        if (betas.length == 0 || of.isEmpty()) {
            throw new EvalException("A reverse process needs timesteps and distributions.");
        }
        this.betas = betas.clone();
        this.how = how;
        products = new double[betas.length];
        double product = 1;
        for (int t = 0; t < betas.length; t++) {
            product *= 1 - betas[t];
            products[t] = product;
            double gamma = Math.sqrt(product);
            double sigma = Math.sqrt(1 - product);
            diffused.add(of.stream().map(m -> m.diffused(gamma, sigma)).toList());
        }
    }

    /** Number of timesteps. */
    public int timesteps() {
        return betas.length;
    }

    /** ᾱ_t, the square of γ_t; 1 at t = -1, where nothing is diffused. */
    double product(int t) {
        return t < 0 ? 1 : products[t];
    }

    Combination how() {
        return how;
    }

    /** γ_t. */
    public double gamma(int t) {
        return Math.sqrt(products[t]);
    }

    /** σ_t. */
    public double sigma(int t) {
        return Math.sqrt(1 - products[t]);
    }

    /** The distributions at a timestep. */
    public List<Mixture> at(int t) {
        return diffused.get(t);
    }

    /** Scores of many places at one timestep, exact or predicted. */
    @FunctionalInterface
    public interface Scores {
        /**
         * @param t timestep
         * @param x places, (count, 2)
         * @param scores takes the scores, (count, 2)
         */
        void at(int t, double[][] x, double[][] scores);
    }

    /** The scores of the diffused distributions, combined, in closed form. */
    public Scores exact() {
        return (t, x, scores) -> {
            for (int i = 0; i < x.length; i++) {
                how.logDensity(diffused.get(t), x[i][0], x[i][1], scores[i]);
            }
        };
    }

    /** Samples, (count, 2), from standard normal noise by the exact scores. */
    public double[][] sample(int count, SplittableRandom random) {
        return sample(count, random, exact(), 1);
    }

    /**
     * Samples by any scores. The same random source gives the same noise whatever the scores, so
     * that two of them can be compared sample by sample.
     *
     * @param count samples
     * @param scores of the diffused distribution
     * @param stride timesteps that one step takes, from the last timestep on; 1 for all of them
     * @return (count, 2)
     */
    public double[][] sample(int count, SplittableRandom random, Scores scores, int stride) {
        if (stride < 1 || stride > betas.length) {
            throw new EvalException(
                    "One step takes 1 to %d timesteps, not %d.".formatted(betas.length, stride));
        }
        double[][] x = new double[count][2];
        for (double[] one : x) {
            one[0] = random.nextGaussian();
            one[1] = random.nextGaussian();
        }
        double[][] score = new double[count][2];
        for (int t = betas.length - 1; t >= 0; t -= stride) {
            double before = product(t - stride);
            double beta = stride == 1 ? betas[t] : 1 - products[t] / before;
            double noise = Math.sqrt(beta * (1 - before) / (1 - products[t]));
            double scale = 1 / Math.sqrt(1 - beta);
            scores.at(t, x, score);
            for (int i = 0; i < count; i++) {
                for (int d = 0; d < 2; d++) {
                    x[i][d] = scale * (x[i][d] + beta * score[i][d]);
                    if (t >= stride) {
                        x[i][d] += noise * random.nextGaussian();
                    }
                }
            }
        }
        return x;
    }
}
