package org.diffusionsoup.workbench.study;

import java.util.List;
import org.diffusionsoup.eval.Interval;

/**
 * How near sampling comes to what Propositions 1 and 2 say.
 *
 * @param samples of each repeat
 * @param repeats seeds that intervals are over
 * @param seed of the first
 * @param bins per side for KL
 * @param cases one after the other
 * @param seconds the study took
 */
public record PropositionResults(
        int samples, int repeats, long seed, int bins, List<Case> cases, double seconds) {
    /**
     * Two distributions.
     *
     * @param name of the case
     * @param geometric the mean score against the geometric mean
     * @param arithmetic the weighted score against the arithmetic mean
     * @param gaps of Proposition 1 over t
     */
    public record Case(String name, Row geometric, Row arithmetic, List<Gap> gaps) {}

    /**
     * Distances to the mean that the proposition names; {@code floor}s are those of equally many
     * exact samples.
     *
     * @param wasserstein sliced 2-Wasserstein distance to an exact sample, in the plane's units
     * @param kl KL of the samples to the density over bins, in nats
     */
    public record Row(
            Interval wasserstein, Interval wassersteinFloor, Interval kl, Interval klFloor) {}

    /**
     * How far the mean of the diffused scores is from the score of the diffused geometric mean.
     *
     * @param t timestep, 0 to 999
     * @param sigma noise's share in x_t
     * @param gap root of the mean square of the difference
     * @param size root of the mean square of the true score
     */
    public record Gap(int t, double sigma, double gap, double size) {
        /** The gap as a share of the score. */
        public double relative() {
            return gap / size;
        }
    }
}
