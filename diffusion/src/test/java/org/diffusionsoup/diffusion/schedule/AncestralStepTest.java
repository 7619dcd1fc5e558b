package org.diffusionsoup.diffusion.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class AncestralStepTest {
    private final NoiseTable table =
            NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false);

    @Test
    void aStepOfOneTimestepIsHos() {
        int t = 400;
        AncestralStep step = new AncestralStep(table.alphaCumprod(t), table.alphaCumprod(t - 1));
        double beta = table.beta(t);
        assertThat(step.beta()).isCloseTo(beta, within(1e-12));
        // Their mean is written with the noise: (x - β ε / σ) / √(1 - β).
        double clean = 0.8;
        double noise = -1.7;
        double x = table.gamma(t) * clean + table.sigma(t) * noise;
        assertThat(step.scale() * x + step.cleanScale() * clean)
                .isCloseTo(
                        (x - beta * noise / table.sigma(t)) / Math.sqrt(1 - beta), within(1e-12));
    }

    @Test
    void theLastStepLeadsToTheCleanSample() {
        AncestralStep step = new AncestralStep(table.alphaCumprod(700), 1);
        assertThat(step.scale()).isZero();
        assertThat(step.cleanScale()).isCloseTo(1, within(1e-12));
    }

    /** Where nothing but noise is in x_t, it counts nothing. */
    @Test
    void theFirstStepFromPureNoiseIsDefined() {
        AncestralStep step = new AncestralStep(0, 0.04);
        assertThat(step.beta()).isEqualTo(1);
        assertThat(step.scale()).isZero();
        assertThat(step.cleanScale()).isCloseTo(0.2, within(1e-12));
        assertThat(step.kl(9)).isCloseTo(0.04 * 9 / 2, within(1e-12));
    }

    /** KL of two Gaussians of one variance is half the squared distance of the means over it. */
    @Test
    void klIsThatOfTheTwoGaussians() {
        AncestralStep step = new AncestralStep(table.alphaCumprod(600), table.alphaCumprod(500));
        double[] clean = {0.4, -1};
        double[] other = {0.1, 0.2};
        double squares = 0;
        double distance = 0;
        for (int d = 0; d < 2; d++) {
            double mean = step.scale() * 0.5 + step.cleanScale() * clean[d];
            double otherMean = step.scale() * 0.5 + step.cleanScale() * other[d];
            squares += (mean - otherMean) * (mean - otherMean);
            distance += (clean[d] - other[d]) * (clean[d] - other[d]);
        }
        assertThat(step.kl(distance)).isCloseTo(squares / 2 / step.beta(), within(1e-12));
        assertThat(step.kl(4 * distance)).isCloseTo(4 * step.kl(distance), within(1e-12));
    }

    @Test
    void aStepThatTakesNoNoiseAwayIsRefused() {
        assertThatThrownBy(() -> new AncestralStep(0.2, 0.1))
                .isInstanceOf(ScheduleException.class)
                .hasMessageContaining("larger share of signal, not from 0.2 to 0.1");
    }
}
