package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StatisticsTest {

    @Test
    void intervalOfAMeanCoversTheTruthAboutAsOftenAsItSays() {
        SplittableRandom random = new SplittableRandom(20261);
        int covered = 0;
        int trials = 600;
        for (int t = 0; t < trials; t++) {
            double[] values = new double[40];
            for (int i = 0; i < values.length; i++) {
                values[i] = 3 + 2 * gaussian(random);
            }
            if (new Bootstrap(800, 0.95, t).mean(values).contains(3)) {
                covered++;
            }
        }
        // Binomial standard error is 0.9 %; percentile intervals at n = 40 run a little short.
        assertThat((double) covered / trials).isBetween(0.905, 0.975);
    }

    @Test
    void intervalShrinksWithTheRootOfTheNumberOfPromptsAndGrowsWithConfidence() {
        SplittableRandom random = new SplittableRandom(5);
        double[] many = random.doubles(1600).toArray();
        double[] few = java.util.Arrays.copyOf(many, 100);
        Bootstrap bootstrap = Bootstrap.seeded(1);
        assertThat(bootstrap.mean(few).halfWidth() / bootstrap.mean(many).halfWidth())
                .isCloseTo(4, within(0.8));
        // 1.96 · sd / sqrt(n), the uniform's sd being sqrt(1/12).
        assertThat(bootstrap.mean(many).halfWidth())
                .isCloseTo(1.96 * Math.sqrt(1 / 12.0) / 40, within(0.001));
        assertThat(new Bootstrap(4000, 0.99, 1).mean(few).halfWidth())
                .isGreaterThan(bootstrap.mean(few).halfWidth());
    }

    @Test
    void sameSeedSameInterval() {
        double[] values = new SplittableRandom(9).doubles(30).toArray();
        assertThat(Bootstrap.seeded(7).mean(values)).isEqualTo(Bootstrap.seeded(7).mean(values));
        assertThat(Bootstrap.seeded(7).mean(values)).isNotEqualTo(Bootstrap.seeded(8).mean(values));
    }

    @Test
    void pairingSeesASmallDifferenceThatTheTwoIntervalsHide() {
        SplittableRandom random = new SplittableRandom(11);
        double[] a = new double[60];
        double[] b = new double[60];
        for (int i = 0; i < a.length; i++) {
            double difficulty = gaussian(random);
            b[i] = difficulty;
            a[i] = difficulty + 0.1 + 0.05 * gaussian(random);
        }
        Bootstrap bootstrap = Bootstrap.seeded(3);
        assertThat(bootstrap.mean(a).overlaps(bootstrap.mean(b))).isTrue();
        Interval difference = bootstrap.pairedDifference(a, b);
        assertThat(difference.low()).isPositive();
        assertThat(difference.contains(0.1)).isTrue();
    }

    @Test
    void quantilesInterpolate() {
        double[] sorted = {0, 1, 2, 3, 4};
        assertThat(Bootstrap.quantile(sorted, 0)).isEqualTo(0);
        assertThat(Bootstrap.quantile(sorted, 1)).isEqualTo(4);
        assertThat(Bootstrap.quantile(sorted, 0.5)).isEqualTo(2);
        assertThat(Bootstrap.quantile(sorted, 0.1)).isCloseTo(0.4, within(1e-12));
    }

    @Test
    void unusableValuesAreRefused() {
        Bootstrap bootstrap = Bootstrap.seeded(1);
        assertThatThrownBy(() -> bootstrap.mean(new double[] {1}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("at least two prompts");
        assertThatThrownBy(() -> bootstrap.mean(new double[] {1, Double.NaN}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("Value 1 is NaN");
        assertThatThrownBy(() -> bootstrap.pairedDifference(new double[3], new double[4]))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("3 and 4");
    }

    @Test
    void wilsonIntervalHasItsKnownValues() {
        assertThat(Proportion.normalQuantile(0.975)).isCloseTo(1.959963985, within(1e-8));
        assertThat(Proportion.normalQuantile(0.995)).isCloseTo(2.575829304, within(1e-8));
        // 81 of 263: Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        Interval known = new Proportion(81, 263).interval(0.95);
        assertThat(known.low()).isCloseTo(0.2553, within(5e-5));
        assertThat(known.high()).isCloseTo(0.3662, within(5e-5));
        Interval none = new Proportion(0, 20).interval(0.95);
        assertThat(none.low()).isZero();
        assertThat(none.high()).isCloseTo(0.1611, within(5e-5));
        assertThat(new Proportion(20, 20).interval(0.95).high()).isEqualTo(1);
    }

    @Test
    void anyStatisticHasAnInterval() {
        double[] values = {3, 1, 8, 2, 5};
        Bootstrap bootstrap = Bootstrap.seeded(2);
        Interval mean =
                bootstrap.of(
                        values.length,
                        drawn -> {
                            double sum = 0;
                            for (int i : drawn) {
                                sum += values[i];
                            }
                            return sum / drawn.length;
                        });
        assertThat(mean).isEqualTo(bootstrap.mean(values));
        assertThatThrownBy(() -> bootstrap.of(1, drawn -> 0))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("at least two units");
        assertThatThrownBy(() -> bootstrap.of(3, drawn -> Double.NaN))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("finite");
    }

    @Test
    void mediansAndExponentsOfKnownNumbers() {
        assertThat(Statistics.median(5, 1, 9)).isEqualTo(5);
        assertThat(Statistics.median(4, 1, 9, 6)).isEqualTo(5);
        assertThat(Statistics.rootMeanSquare(3, -4)).isCloseTo(Math.sqrt(12.5), within(1e-12));
        double[] x = {1, 2, 4, 16};
        assertThat(Statistics.exponent(x, new double[] {7, 7, 7, 7})).isCloseTo(0, within(1e-12));
        assertThat(Statistics.exponent(x, new double[] {3, 12, 48, 768}))
                .isCloseTo(2, within(1e-12));
        assertThat(Statistics.exponent(x, new double[] {16, 8, 4, 1})).isCloseTo(-1, within(1e-12));
        assertThatThrownBy(() -> Statistics.exponent(x, new double[] {1, 2, 0, 4}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("above 0, not 0.0");
        assertThatThrownBy(() -> Statistics.exponent(new double[] {2, 2}, new double[] {1, 3}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("two different x");
    }

    private static double gaussian(SplittableRandom random) {
        double u = 1 - random.nextDouble();
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random.nextDouble());
    }
}
