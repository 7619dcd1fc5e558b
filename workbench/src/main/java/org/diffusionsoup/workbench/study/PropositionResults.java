package org.diffusionsoup.workbench.study;

import java.util.List;
import org.diffusionsoup.eval.Interval;

/**
 * How near sampling comes to what Propositions 1 and 2 say.
 *
 * @param version of the program
 * @param samples of each repeat
 * @param repeats seeds that intervals are over
 * @param seed of the first
 * @param bins per side for KL
 * @param training of the networks, one entry; none where there are no networks
 * @param cases one after the other
 * @param seconds the study took
 */
public record PropositionResults(
        String version,
        int samples,
        int repeats,
        long seed,
        int bins,
        List<Training> training,
        List<Case> cases,
        double seconds) {
    /**
     * How networks were trained and sampled.
     *
     * @param baseSteps of the base
     * @param steps of each shard's network; the paragon takes twice as many
     * @param batch samples of a step
     * @param baseRate first learning rate of the base
     * @param rate first learning rate of the others
     * @param samplingSteps of the reverse process
     */
    public record Training(
            int baseSteps, int steps, int batch, double baseRate, double rate, int samplingSteps) {}

    /**
     * Two distributions.
     *
     * @param name of the case
     * @param geometric the mean score against the geometric mean
     * @param arithmetic the weighted score against the arithmetic mean
     * @param gaps of Proposition 1 over t
     * @param networks rows by score networks; none where there are none
     */
    public record Case(
            String name, Row geometric, Row arithmetic, List<Gap> gaps, List<NetworkRow> networks) {
        Case with(List<NetworkRow> rows) {
            return new Case(name, geometric, arithmetic, gaps, List.copyOf(rows));
        }
    }

    /**
     * What networks sample.
     *
     * @param by one of them, or how several are combined
     * @param of what it should sample
     * @param distances to that
     * @param toExact sliced Wasserstein distance to samples that the exact scores, combined alike,
     *     give with the same noise in as many steps
     */
    public record NetworkRow(String by, String of, Row distances, Interval toExact) {}

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
