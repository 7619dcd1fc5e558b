package org.diffusionsoup.eval.mixture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.junit.jupiter.api.Test;

/** Divergences (Eq. 7, Proposition 3) where the answer is known in closed form. */
class DivergenceTest {
    private static final Gaussian A = new Gaussian(1, -1, 0.3, 0.5, 0.2, 0.4);
    private static final Gaussian B = new Gaussian(3, 0.8, -0.5, 0.3, -0.1, 0.6);

    private static double[] betas() {
        return NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false).betas();
    }

    private static double[] path(Combination how, int count, long seed, Mixture... of) {
        double[][] all =
                new PathDivergence(new ReverseDiffusion(betas(), how, List.of(of)))
                        .sample(count, new SplittableRandom(seed));
        return Arrays.stream(all)
                .mapToDouble(values -> Arrays.stream(values).average().orElseThrow())
                .toArray();
    }

    @Test
    void klOfGaussiansHasItsKnownValues() {
        // d² / 2v for a shift, (r - 1 - log r) for a round one of r times the variance.
        Gaussian unit = Gaussian.round(0, 0, 1);
        assertThat(Gaussian.round(3, 4, 2).kl(Gaussian.round(0, 0, 2)))
                .isCloseTo(25 / 4.0, within(1e-12));
        assertThat(Gaussian.round(0, 0, 0.25).kl(unit))
                .isCloseTo(0.25 - 1 - Math.log(0.25), within(1e-12));
        assertThat(A.kl(A)).isCloseTo(0, within(1e-12));
        assertThat(A.kl(B)).isPositive().isNotCloseTo(B.kl(A), within(0.05));
    }

    @Test
    void klByQuadratureIsThatOfTheClosedForm() {
        DensityGrid a = DensityGrid.of(Combination.ARITHMETIC, List.of(Mixture.of(A)), 6, 300);
        assertThat(a.klTo(Mixture.of(B))).isCloseTo(A.kl(B), within(1e-7));
        List<Mixture> both = List.of(Mixture.of(A), Mixture.of(B));
        DensityGrid mean = DensityGrid.of(Combination.GEOMETRIC, both, 6, 300);
        Gaussian closed = Gaussian.geometricMean(A, B);
        assertThat(mean.klTo(both.get(0))).isCloseTo(closed.kl(A), within(1e-7));
        assertThat(mean.klTo(both.get(1))).isCloseTo(closed.kl(B), within(1e-7));
    }

    /** Both add up to -2 log ∫√(p1 p2), which for one covariance is d² / 4v. */
    @Test
    void theDivergencesOfTheGeometricMeanAddUp() {
        Gaussian left = Gaussian.round(-1, 0, 0.4);
        Gaussian right = Gaussian.round(1, 0.5, 0.4);
        Gaussian mean = Gaussian.geometricMean(left, right);
        assertThat(mean.kl(left)).isCloseTo(4.25 / 8 / 0.4, within(1e-12));
        assertThat(mean.kl(left) + mean.kl(right)).isCloseTo(4.25 / 4 / 0.4, within(1e-12));
    }

    @Test
    void maxDivergenceIsTheLargestLogRatioWhereThereIsOne() {
        Gaussian wide = new Gaussian(1, 0.3, 0, 1.0, 0.2, 0.8);
        Gaussian narrow = Gaussian.round(-0.2, 0.1, 0.3);
        assertThat(wide.maxDivergence(narrow)).isInfinite();
        assertThat(Gaussian.round(0, 0, 1).maxDivergence(Gaussian.round(0.1, 0, 1))).isInfinite();
        assertThat(wide.maxDivergence(wide)).isZero();
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < 600 * 600; i++) {
            double x = -3 + (i % 600) / 100.0;
            double y = -3 + (i / 600) / 100.0;
            most = Math.max(most, narrow.logWeighted(x, y) - wide.logWeighted(x, y));
        }
        assertThat(narrow.maxDivergence(wide)).isCloseTo(most, within(1e-3)).isPositive();
    }

    /**
     * For one covariance the mean score is that of the diffused geometric mean, so trajectories are
     * as far from the safe model's as the geometric mean itself: 0.5 % for the length of the steps
     * and what is left of the means at the last timestep.
     */
    @Test
    void trajectoriesComeToTheClosedFormForOneCovariance() {
        for (double distance : new double[] {1, 2}) {
            Gaussian left = Gaussian.round(-distance / 2, 0, 0.4);
            Gaussian right = Gaussian.round(distance / 2, 0, 0.4);
            double[] kl = path(Combination.GEOMETRIC, 20, 1, Mixture.of(left), Mixture.of(right));
            double closed = Gaussian.geometricMean(left, right).kl(left);
            assertThat(closed).isCloseTo(distance * distance / 8 / 0.4, within(1e-12));
            assertThat(kl[0]).isCloseTo(closed, within(0.005 * closed));
            assertThat(kl[1]).isCloseTo(closed, within(0.005 * closed));
        }
    }

    /**
     * The weighted score is that of the diffused arithmetic mean for any two shards, so here the
     * drift itself matters: trajectories of another sign, variance or scale end elsewhere.
     */
    @Test
    void trajectoriesOfTheArithmeticMeanComeToItsDivergence() {
        Mixture a = Mixture.of(A);
        Mixture b = Mixture.of(B);
        DensityGrid mean = DensityGrid.of(Combination.ARITHMETIC, List.of(a, b), 6, 300);
        double[] kl = path(Combination.ARITHMETIC, 3000, 2, a, b);
        assertThat(kl[0]).isCloseTo(mean.klTo(a), within(0.05 * mean.klTo(a)));
        assertThat(kl[1]).isCloseTo(mean.klTo(b), within(0.05 * mean.klTo(b)));
    }

    @Test
    void equalDistributionsAreNoDistanceApart() {
        double[] kl = path(Combination.GEOMETRIC, 20, 3, Mixture.of(A, B), Mixture.of(A, B));
        assertThat(kl).containsExactly(new double[] {0, 0}, within(1e-12));
    }

    /**
     * Of two covariances the trajectories are as far from either: their mean score lies between.
     */
    @Test
    void theMeanScoreIsAsFarFromBoth() {
        double[] kl = path(Combination.GEOMETRIC, 50, 4, Mixture.of(A), Mixture.of(B));
        assertThat(kl[0]).isCloseTo(kl[1], within(1e-9)).isPositive();
    }
}
