package org.diffusionsoup.eval.scorenet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.EvalException;
import org.diffusionsoup.eval.mixture.Combination;
import org.diffusionsoup.eval.mixture.Gaussian;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.eval.mixture.ReverseDiffusion.Scores;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Networks against the scores that they should learn, and soups against averages. */
class ScoreNetworkTest {
    private static final Mixture LEFT = Mixture.of(new Gaussian(1, -0.8, 0.2, 0.5, 0.2, 0.3));
    private static final Mixture RIGHT = Mixture.of(Gaussian.round(1, -0.3, 0.4));

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static ReverseDiffusion process(Mixture... of) {
        double[] betas =
                NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false).betas();
        return new ReverseDiffusion(betas, Combination.ARITHMETIC, List.of(of));
    }

    private static ScoreNetwork trained(Mixture of, int steps, long seed) {
        ScoreNetwork network = ScoreNetwork.untrained(seed);
        AtomicInteger told = new AtomicInteger();
        new ScoreTraining(process(of), 128)
                .train(network, of, steps, 2e-3, seed, told::incrementAndGet);
        assertThat(told).hasValue(steps);
        return network;
    }

    private static double[][] at(Scores scores, int t, double[][] places) {
        double[][] out = new double[places.length][2];
        scores.at(t, places, out);
        return out;
    }

    /** Root of the mean square of the difference to the exact score, as a share of the score's. */
    private static double error(ReverseDiffusion process, Scores scores, int t) {
        double[][] places = process.at(t).getFirst().sample(400, new SplittableRandom(5));
        double[][] got = at(scores, t, places);
        double[][] exact = at(process.exact(), t, places);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < places.length; i++) {
            for (int d = 0; d < 2; d++) {
                difference += Math.pow(got[i][d] - exact[i][d], 2);
                size += exact[i][d] * exact[i][d];
            }
        }
        return Math.sqrt(difference / size);
    }

    @Test
    void aNetworkLearnsTheScore() {
        ReverseDiffusion process = process(LEFT);
        try (ScoreNetwork untrained = ScoreNetwork.untrained(1);
                ScoreNetwork network = trained(LEFT, 600, 1)) {
            ShardNetworks one = new ShardNetworks(process, List.of(network));
            for (int t : new int[] {200, 500, 900}) {
                assertThat(error(process, one.of(network), t)).as("t %d", t).isLessThan(0.15);
            }
            assertThat(error(process, one.of(untrained), 200)).isGreaterThan(0.5);
            // one network is its own ensemble and its own soup
            double[][] places = LEFT.sample(7, new SplittableRandom(2));
            double[][] own = at(one.of(network), 300, places);
            for (Scores s : List.of(one.ensemble(), one.weighted(), one.resouped())) {
                assertThat(at(s, 300, places)).isDeepEqualTo(own);
            }
        }
    }

    @Test
    void theSameSeedGivesTheSameWeights() {
        try (ScoreNetwork a = trained(RIGHT, 5, 3);
                ScoreNetwork b = trained(RIGHT, 5, 3);
                ScoreNetwork other = trained(RIGHT, 5, 4)) {
            float[] weights = a.parameters().flat().toFloatArray();
            assertThat(b.parameters().flat().toFloatArray()).isEqualTo(weights);
            assertThat(other.parameters().flat().toFloatArray()).isNotEqualTo(weights);
        }
    }

    /** Layer by layer or weight by weight, with coefficients that are the same for all samples. */
    @Test
    void aSoupOfEachSampleIsTheSoupOfItsCoefficients() {
        try (ScoreNetwork a = ScoreNetwork.untrained(1);
                ScoreNetwork b = ScoreNetwork.untrained(2);
                Rng rng = new Rng(3);
                Scope scope = Scope.open();
                Torch.Guard off = Torch.gradients(false)) {
            Tensor x = rng.normal(6, 2);
            Tensor embedding = ScoreNetwork.embedding(Tensor.full(321, 1));
            float[] k = {0.25f, 0.75f, 1, 0, 0, 1, 0.5f, 0.5f, 0.9f, 0.1f, 0.25f, 0.75f};
            float[] each =
                    ScoreNetwork.resouped(List.of(a, b), Tensor.of(k, 6, 2), x, embedding)
                            .toFloatArray();
            for (int row = 0; row < 6; row++) {
                try (ScoreNetwork soup =
                        ScoreNetwork.soup(List.of(a, b), k[2 * row], k[2 * row + 1])) {
                    float[] own = soup.forward(x.narrow(0, row, 1), embedding).toFloatArray();
                    assertThat(each[2 * row]).isCloseTo(own[0], within(2e-6f));
                    assertThat(each[2 * row + 1]).isCloseTo(own[1], within(2e-6f));
                }
            }
        }
    }

    /** Far on one side k is 1 for that side's network. */
    @Test
    void coefficientsAreTheSharesOfTheDensities() {
        ReverseDiffusion process = process(LEFT, RIGHT);
        try (ScoreNetwork a = ScoreNetwork.untrained(1);
                ScoreNetwork b = ScoreNetwork.untrained(2)) {
            ShardNetworks both = new ShardNetworks(process, List.of(a, b));
            double[][] left = {{-9, 0}};
            double[][] right = {{9, 0}};
            for (Scores s : List.of(both.weighted(), both.resouped())) {
                assertThat(at(s, 50, left)[0])
                        .containsExactly(at(both.of(a), 50, left)[0], within(1e-5));
                assertThat(at(s, 50, right)[0])
                        .containsExactly(at(both.of(b), 50, right)[0], within(1e-5));
            }
            double[] mean = at(both.ensemble(), 50, left)[0];
            double[] one = at(both.of(a), 50, left)[0];
            double[] other = at(both.of(b), 50, left)[0];
            assertThat(mean[0]).isCloseTo((one[0] + other[0]) / 2, within(1e-5));
            assertThatThrownBy(() -> new ShardNetworks(process, List.of(a)))
                    .isInstanceOf(EvalException.class)
                    .hasMessageContaining("1 networks for 2 distributions");
            assertThatThrownBy(() -> ScoreNetwork.soup(List.of(a, b), 1))
                    .isInstanceOf(EvalException.class);
        }
    }
}
