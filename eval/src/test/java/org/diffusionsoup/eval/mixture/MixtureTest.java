package org.diffusionsoup.eval.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.eval.EvalException;
import org.junit.jupiter.api.Test;

/** Propositions 1 and 2 where the answer is known in closed form. */
class MixtureTest {
    private static final Gaussian A = new Gaussian(1, -1, 0.3, 0.5, 0.2, 0.4);
    private static final Gaussian B = new Gaussian(1, 0.8, -0.5, 0.3, -0.1, 0.6);
    private static final List<Mixture> PAIR = List.of(Mixture.of(A), Mixture.of(B));
    private static final List<Mixture> SAME =
            List.of(
                    Mixture.of(Gaussian.round(-1, 0, 0.4)),
                    Mixture.of(Gaussian.round(1, 0.5, 0.4)));

    private static double[] betas() {
        return NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false).betas();
    }

    private static void assertSame(Gaussian a, Gaussian b, double tolerance) {
        assertThat(new double[] {a.x(), a.y(), a.xx(), a.xy(), a.yy()})
                .containsExactly(
                        new double[] {b.x(), b.y(), b.xx(), b.xy(), b.yy()}, within(tolerance));
    }

    private static Gaussian moments(double[][] s) {
        double x = 0;
        double y = 0;
        for (double[] p : s) {
            x += p[0] / s.length;
            y += p[1] / s.length;
        }
        double xx = 0;
        double xy = 0;
        double yy = 0;
        for (double[] p : s) {
            xx += (p[0] - x) * (p[0] - x) / s.length;
            xy += (p[0] - x) * (p[1] - y) / s.length;
            yy += (p[1] - y) * (p[1] - y) / s.length;
        }
        return new Gaussian(1, x, y, xx, xy, yy);
    }

    @Test
    void theScoreIsTheGradientOfTheLogDensity() {
        Mixture m = Mixture.of(A, new Gaussian(3, 1, 1, 0.2, 0.05, 0.1), B);
        double[] score = new double[2];
        double h = 1e-5;
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 50; i++) {
            double x = 6 * random.nextDouble() - 3;
            double y = 6 * random.nextDouble() - 3;
            for (Combination how : Combination.values()) {
                List<Mixture> both = List.of(m, Mixture.of(B));
                how.logDensity(both, x, y, score);
                double sx = score[0];
                double sy = score[1];
                double[] ignored = new double[2];
                double dx =
                        how.logDensity(both, x + h, y, ignored)
                                - how.logDensity(both, x - h, y, ignored);
                double dy =
                        how.logDensity(both, x, y + h, ignored)
                                - how.logDensity(both, x, y - h, ignored);
                assertThat(sx).isCloseTo(dx / 2 / h, within(1e-6 * (1 + Math.abs(sx))));
                assertThat(sy).isCloseTo(dy / 2 / h, within(1e-6 * (1 + Math.abs(sy))));
            }
        }
    }

    @Test
    void samplesAreOfTheMixture() {
        Mixture m = Mixture.of(A, new Gaussian(3, 1, 1, 0.2, 0.05, 0.1));
        DensityGrid grid = DensityGrid.of(Combination.ARITHMETIC, List.of(m), 6, 432);
        assertSame(moments(m.sample(40_000, new SplittableRandom(3))), grid.moments(), 0.02);
    }

    /** Longer steps, and the same noise for whatever scores. */
    @Test
    void stridesLeadToTheSameDistribution() {
        ReverseDiffusion same = new ReverseDiffusion(betas(), Combination.GEOMETRIC, SAME);
        Gaussian wanted = DensityGrid.of(Combination.GEOMETRIC, SAME, 6, 432).moments();
        double[][] every = same.sample(3000, new SplittableRandom(1), same.exact(), 4);
        assertSame(moments(every), wanted, 0.05);
        assertThat(same.sample(5, new SplittableRandom(1), same.exact(), 1))
                .isDeepEqualTo(same.sample(5, new SplittableRandom(1)));
        assertThatThrownBy(() -> same.sample(5, new SplittableRandom(1), same.exact(), 0))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("1 to 1000 timesteps");
    }

    @Test
    void theGeometricMeanOfGaussiansIsTheKnownGaussian() {
        DensityGrid grid = DensityGrid.of(Combination.GEOMETRIC, PAIR, 5, 200);
        assertSame(grid.moments(), Gaussian.geometricMean(A, B), 1e-9);
    }

    /**
     * For one covariance the mean of the diffused scores is the score of the diffused geometric
     * mean at every t; for two it is not, but for t to 0 the difference vanishes.
     */
    @Test
    void theGapVanishesWithTAndForEqualCovariances() {
        for (int t : new int[] {0, 50, 200, 500, 900}) {
            ReverseDiffusion same = new ReverseDiffusion(betas(), Combination.GEOMETRIC, SAME);
            DensityGrid grid = DensityGrid.of(Combination.GEOMETRIC, SAME, 6, 432);
            double[] gap =
                    grid.scoreGap(
                            Combination.GEOMETRIC, same.at(t), same.gamma(t), same.sigma(t), 60);
            assertThat(gap[0]).as("t %d", t).isLessThan(1e-6);
        }
        DensityGrid grid = DensityGrid.of(Combination.GEOMETRIC, PAIR, 6, 432);
        ReverseDiffusion pair = new ReverseDiffusion(betas(), Combination.GEOMETRIC, PAIR);
        Gaussian clean = Gaussian.geometricMean(A, B);
        double before = 0;
        for (int t : new int[] {0, 20, 100, 200}) {
            double[] gap =
                    grid.scoreGap(
                            Combination.GEOMETRIC, pair.at(t), pair.gamma(t), pair.sigma(t), 80);
            assertThat(gap[0]).isGreaterThan(before);
            before = gap[0];
            // The root of the mean of |score|² of a Gaussian is that of the trace of its precision.
            Gaussian d = clean.diffused(pair.gamma(t), pair.sigma(t));
            double trace = (d.xx() + d.yy()) / d.determinant();
            assertThat(gap[1]).isCloseTo(Math.sqrt(trace), within(1e-6));
        }
        assertThat(before).isGreaterThan(0.05);
    }

    /** Proposition 2 in any case: k_i-weighted scores are the score of the diffused mixture. */
    @Test
    void theWeightedScoreIsThatOfTheDiffusedArithmeticMean() {
        DensityGrid grid = DensityGrid.of(Combination.ARITHMETIC, PAIR, 6, 432);
        ReverseDiffusion pair = new ReverseDiffusion(betas(), Combination.ARITHMETIC, PAIR);
        for (int t : new int[] {0, 100, 400, 900}) {
            double[] gap =
                    grid.scoreGap(
                            Combination.ARITHMETIC, pair.at(t), pair.gamma(t), pair.sigma(t), 60);
            assertThat(gap[0]).as("t %d", t).isLessThan(1e-6);
        }
    }

    @Test
    void samplingEndsWhereThePropositionsSay() {
        int count = 4000;
        // One covariance: Proposition 1 holds at every t.
        double[][] geometric =
                new ReverseDiffusion(betas(), Combination.GEOMETRIC, SAME)
                        .sample(count, new SplittableRandom(3));
        assertSame(
                moments(geometric),
                Gaussian.geometricMean(Gaussian.round(-1, 0, 0.4), Gaussian.round(1, 0.5, 0.4)),
                0.04);
        DensityGrid mean = DensityGrid.of(Combination.ARITHMETIC, PAIR, 5, 200);
        double[][] arithmetic =
                new ReverseDiffusion(betas(), Combination.ARITHMETIC, PAIR)
                        .sample(count, new SplittableRandom(4));
        double[][] wanted = mean.sample(count, new SplittableRandom(5));
        assertThat(SlicedWasserstein.distance(arithmetic, wanted)).isLessThan(0.08);
        assertThat(mean.kl(arithmetic, 25)).isLessThan(0.06);
        // What was sampled by the other rule is far from it.
        assertThat(mean.kl(geometric, 25)).isGreaterThan(0.2);
        assertThat(SlicedWasserstein.distance(geometric, wanted)).isGreaterThan(0.3);
    }

    @Test
    void distancesOfKnownSamplesAreKnown() {
        SplittableRandom random = new SplittableRandom(6);
        double[][] a = DensityGrid.of(Combination.GEOMETRIC, SAME, 5, 100).sample(500, random);
        double[][] shifted = new double[a.length][];
        for (int i = 0; i < a.length; i++) {
            shifted[i] = new double[] {a[i][0] + 0.3, a[i][1] - 0.4};
        }
        // A shift by d is d cos in each direction, 1/2 of the square on average.
        assertThat(SlicedWasserstein.distance(a, shifted))
                .isCloseTo(0.5 / Math.sqrt(2), within(1e-9));
        assertThat(SlicedWasserstein.distance(a, a)).isZero();
    }
}
