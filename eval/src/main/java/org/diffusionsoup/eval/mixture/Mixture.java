package org.diffusionsoup.eval.mixture;

import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.eval.EvalException;

/**
 * A mixture of Gaussians in the plane.
 *
 * @param components at least one; their weights are scaled to add up to 1
 */
public record Mixture(List<Gaussian> components) {
    /**
     * @throws EvalException if there is no component
     */
    public Mixture {
        double sum = components.stream().mapToDouble(Gaussian::weight).sum();
        if (components.isEmpty()) {
            throw new EvalException("A mixture needs at least one component.");
        }
        components =
                components.stream()
                        .map(c ->
                                new Gaussian(
                                        c.weight() / sum, c.x(), c.y(), c.xx(), c.xy(), c.yy()))
                        .toList();
    }

    /** A mixture of some Gaussians. */
    public static Mixture of(Gaussian... components) {
        return new Mixture(List.of(components));
    }

    /** The distribution of γ x_0 + σ ε, where x_0 is of this one and ε standard normal. */
    public Mixture diffused(double gamma, double sigma) {
        return new Mixture(components.stream().map(c -> c.diffused(gamma, sigma)).toList());
    }

    /** Logarithm of the density. */
    public double logDensity(double x, double y) {
        double[] score = new double[2];
        return logDensity(x, y, score);
    }

    /**
     * Logarithm of the density, and its gradient.
     *
     * @param score takes the gradient, (2)
     */
    public double logDensity(double x, double y, double[] score) {
        int n = components.size();
        double[] logs = new double[n];
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            logs[i] = components.get(i).logWeighted(x, y);
            most = Math.max(most, logs[i]);
        }
        double sum = 0;
        score[0] = 0;
        score[1] = 0;
        for (int i = 0; i < n; i++) {
            double share = Math.exp(logs[i] - most);
            sum += share;
            score[0] += share * components.get(i).scoreX(x, y);
            score[1] += share * components.get(i).scoreY(x, y);
        }
        score[0] /= sum;
        score[1] /= sum;
        return most + Math.log(sum);
    }

    /**
     * Independent samples.
     *
     * @return (count, 2)
     */
    public double[][] sample(int count, SplittableRandom random) {
        double[][] samples = new double[count][];
        for (int k = 0; k < count; k++) {
            double at = random.nextDouble();
            int i = 0;
            while (i < components.size() - 1 && at >= components.get(i).weight()) {
                at -= components.get(i++).weight();
            }
            samples[k] = components.get(i).sample(random);
        }
        return samples;
    }
}
