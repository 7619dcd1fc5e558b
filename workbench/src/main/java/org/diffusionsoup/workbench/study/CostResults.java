package org.diffusionsoup.workbench.study;

import java.util.List;
import org.diffusionsoup.eval.Interval;
import org.jspecify.annotations.Nullable;

/**
 * What a soup and an ensemble of n models cost (paper, Section 5.2).
 *
 * @param model its name
 * @param pictures drawn together in each repeat
 * @param steps of sampling
 * @param repeats that the medians are over
 * @param threads that computed
 * @param seed of the pictures
 * @param rows by the number of members
 * @param exponents how the costs grow with it
 */
public record CostResults(
        String model,
        int pictures,
        int steps,
        int repeats,
        int threads,
        long seed,
        List<Row> rows,
        Exponents exponents) {

    public CostResults {
        rows = List.copyOf(rows);
    }

    /**
     * A number of members.
     *
     * @param ratio processor time of the ensemble over that of the soup, median over repeats
     */
    public record Row(int members, Cost soup, Cost ensemble, Interval ratio) {}

    /**
     * What one of them costs.
     *
     * @param secondsPerPicture by the clock, median over repeats
     * @param processorSecondsPerPicture of all cores together: other work on the machine hardly
     *     changes it
     * @param weightBytes of all parameters held, text encoder and autoencoder among them
     * @param residentBytes by which the process grew as they were loaded; null where the system
     *     does not tell
     */
    public record Cost(
            Interval secondsPerPicture,
            Interval processorSecondsPerPicture,
            long weightBytes,
            @Nullable Long residentBytes) {}

    /** Exponents p of fits c n^p: 0 where a cost does not depend on n, 1 where it grows with n. */
    public record Exponents(Growth soup, Growth ensemble) {}

    /**
     * Exponents of one of them.
     *
     * @param seconds of the medians by the clock
     * @param processorSeconds of the medians of processor time
     * @param weightBytes of the bytes of parameters
     * @param residentBytes of the measured growth; null where it is not known or not above 0
     */
    public record Growth(
            Interval seconds,
            Interval processorSeconds,
            double weightBytes,
            @Nullable Double residentBytes) {}
}
