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

    /** Samples, (count, 2), from standard normal noise. */
    public double[][] sample(int count, SplittableRandom random) {
        double[][] x = new double[count][2];
        for (double[] one : x) {
            one[0] = random.nextGaussian();
            one[1] = random.nextGaussian();
        }
        double[] score = new double[2];
        for (int t = betas.length - 1; t >= 0; t--) {
            double before = t == 0 ? 1 : products[t - 1];
            double noise = Math.sqrt(betas[t] * (1 - before) / (1 - products[t]));
            double scale = 1 / Math.sqrt(1 - betas[t]);
            for (double[] one : x) {
                how.logDensity(diffused.get(t), one[0], one[1], score);
                one[0] = scale * (one[0] + betas[t] * score[0]);
                one[1] = scale * (one[1] + betas[t] * score[1]);
                if (t > 0) {
                    one[0] += noise * random.nextGaussian();
                    one[1] += noise * random.nextGaussian();
                }
            }
        }
        return x;
    }
}
