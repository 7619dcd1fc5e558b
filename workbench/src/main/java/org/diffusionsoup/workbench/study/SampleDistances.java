package org.diffusionsoup.workbench.study;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.eval.Bootstrap;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.mixture.DensityGrid;
import org.diffusionsoup.eval.mixture.SlicedWasserstein;
import org.diffusionsoup.image.RgbImage;

/**
 * Samples of several seeds against the density that they should be of.
 *
 * @param samples of each seed
 * @param repeats seeds
 * @param seed the first
 */
record SampleDistances(int samples, int repeats, long seed) {
    /** Draws samples, (count, 2); the same for the same source. */
    @FunctionalInterface
    interface Sampler {
        double[][] sample(int count, SplittableRandom random);
    }

    /**
     * @param row distances
     * @param samples of each seed
     */
    record Measured(PropositionResults.Row row, List<double[][]> samples) {
        /** All samples as a picture of [-half, half]². */
        RgbImage picture(double half) {
            return DensityPicture.of(samples, half);
        }
    }

    private record Once(double[][] samples, double[] distances) {}

    /**
     * Samples and measures.
     *
     * @param parallel whether the sampler may be called by several threads at once
     */
    Measured measure(DensityGrid wanted, int bins, Sampler sampler, boolean parallel) {
        IntStream seeds = IntStream.range(0, repeats);
        List<Once> all =
                (parallel ? seeds.parallel() : seeds)
                        .mapToObj(r -> once(wanted, bins, sampler, seed + r))
                        .toList();
        List<Interval> intervals = new ArrayList<>();
        for (int k = 0; k < 4; k++) {
            int which = k;
            intervals.add(interval(all.stream().mapToDouble(o -> o.distances()[which]).toArray()));
        }
        return new Measured(
                new PropositionResults.Row(
                        intervals.get(0), intervals.get(1), intervals.get(2), intervals.get(3)),
                all.stream().map(Once::samples).toList());
    }

    private Once once(DensityGrid wanted, int bins, Sampler sampler, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[][] got = sampler.sample(samples, random);
        double[][] exact = wanted.sample(samples, random);
        double[][] again = wanted.sample(samples, random);
        return new Once(
                got,
                new double[] {
                    SlicedWasserstein.distance(got, exact),
                    SlicedWasserstein.distance(again, exact),
                    wanted.kl(got, bins),
                    wanted.kl(again, bins)
                });
    }

    /** How far the samples of two samplers are from each other, seed by seed. */
    static Interval between(List<double[][]> a, List<double[][]> b) {
        return interval(
                IntStream.range(0, a.size())
                        .mapToDouble(r -> SlicedWasserstein.distance(a.get(r), b.get(r)))
                        .toArray());
    }

    private static Interval interval(double[] values) {
        return Bootstrap.seeded(0).mean(values);
    }
}
