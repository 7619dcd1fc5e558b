package org.diffusionsoup.eval.mixture;

import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.schedule.AncestralStep;

/**
 * How far trajectories of the reverse process under combined scores are from those under the score
 * of one of the distributions: KL by Girsanov, estimated over trajectories. Every step has noise of
 * variance β_t ({@link AncestralStep}), the last one too, or the trajectories would be infinitely
 * far from each other.
 *
 * <p>Where the combined scores are those of a diffused distribution p, and both processes begin
 * with what is left of p and p_i at the last timestep, this is KL(p ‖ p_i) itself up to the length
 * of a step; elsewhere it bounds KL of what is sampled.
 */
public final class PathDivergence {
    private final ReverseDiffusion reverse;

    /**
     * @param reverse the process whose trajectories are drawn
     */
    public PathDivergence(ReverseDiffusion reverse) {
        this.reverse = reverse;
    }

    /**
     * Draws trajectories from standard normal noise.
     *
     * @return per distribution of the process one value per trajectory, in nats, (distributions,
     *     count); their mean is KL(combined ‖ distribution)
     */
    public double[][] sample(int count, SplittableRandom random) {
        double[][] kl = new double[reverse.at(0).size()][count];
        for (int k = 0; k < count; k++) {
            double[] x = {random.nextGaussian(), random.nextGaussian()};
            for (int t = reverse.timesteps() - 1; t >= 0; t--) {
                step(t, x, kl, k, random);
            }
        }
        return kl;
    }

    private void step(int t, double[] x, double[][] kl, int k, SplittableRandom random) {
        AncestralStep step = new AncestralStep(reverse.product(t), reverse.product(t - 1));
        List<Mixture> at = reverse.at(t);
        double[] combined = new double[2];
        reverse.how().logDensity(at, x[0], x[1], combined);
        double[] own = new double[2];
        double gamma = reverse.gamma(t);
        double variance = reverse.sigma(t) * reverse.sigma(t);
        for (int i = 0; i < at.size(); i++) {
            at.get(i).logDensity(x[0], x[1], own);
            double dx = variance / gamma * (combined[0] - own[0]); // x_0 is (x + σ² score) / γ
            double dy = variance / gamma * (combined[1] - own[1]);
            kl[i][k] += step.kl(dx * dx + dy * dy);
        }
        double deviation = Math.sqrt(step.beta());
        for (int d = 0; d < 2; d++) {
            double clean = (x[d] + variance * combined[d]) / gamma;
            x[d] =
                    step.scale() * x[d]
                            + step.cleanScale() * clean
                            + deviation * random.nextGaussian();
        }
    }
}
