package org.diffusionsoup.diffusion.classify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.pipeline.Conditioning;
import org.diffusionsoup.diffusion.pipeline.NoisePredictor;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The classifier of shards, on two shards whose posterior is known: all latents +1, or all -1. */
class ShardClassifierTest {
    private static final NoiseTable NOISE =
            NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false);

    @TempDir private Path dir;

    private static ShardClassifier classifier(String... shards) {
        return new ShardClassifier(new ShardClassifier.Config(2, 8, List.of(shards)));
    }

    private static TrainingOptions options(long steps) {
        return new TrainingOptions(
                steps,
                32,
                1,
                2e-3,
                TrainingOptions.Schedule.COSINE,
                5,
                0,
                0.9,
                0.98,
                1e-8,
                1,
                0,
                3,
                false);
    }

    /** The share of a shard's noised latents that it is found in. */
    private static double right(ShardClassifier c, double value, int shard, int t) {
        try (Torch.Guard off = Torch.gradients(false);
                Scope s = Scope.open();
                Rng rng = new Rng(5 + t)) {
            int n = 200;
            Tensor x0 = Tensor.full(value, n, 2, 2, 2);
            long[] times = new long[n];
            Arrays.fill(times, t);
            Tensor xt = NOISE.addNoise(x0, rng.normal(x0.shape()), times);
            float[] p = c.probabilities(xt, Tensor.of(times, n)).toFloatArray();
            int right = 0;
            for (int i = 0; i < n; i++) {
                assertThat(p[2 * i] + p[2 * i + 1]).isCloseTo(1, within(1e-5f));
                right += p[2 * i + shard] > 0.5 ? 1 : 0;
            }
            return right / (double) n;
        }
    }

    @Test
    void shardsAreToldApartWhereTheNoiseLeavesSomethingOfThem() {
        Tensor plus;
        Tensor minus;
        try (Scope s = Scope.open()) {
            plus = Tensor.full(1, 5, 2, 2, 2).keep();
            // Many more rows: the shards take turns all the same.
            minus = Tensor.full(-1, 200, 2, 2, 2).keep();
        }
        ShardClassifier c = classifier("plus", "minus");
        try {
            c.parameters().initialise(1);
            ClassifierObjective objective = new ClassifierObjective(c, List.of(plus, minus), NOISE);
            try (TrainingRun run =
                    new TrainingRun(
                            c.parameters(), objective, options(150), dir.resolve("state"), "r")) {
                run.run(0, () -> false, p -> {});
            }
            for (int t : new int[] {0, 200}) {
                assertThat(right(c, 1, 0, t)).as("plus at t = %d", t).isGreaterThan(0.97);
                assertThat(right(c, -1, 1, t)).as("minus at t = %d", t).isGreaterThan(0.97);
            }
            // At the end of the forward process γ is 0.07: the best rule is right in 57 of 100.
            double end = (right(c, 1, 0, 999) + right(c, -1, 1, 999)) / 2;
            assertThat(end).isBetween(0.45, 0.72);
        } finally {
            c.parameters().close();
            plus.release();
            minus.release();
        }
    }

    @Test
    void predictionsAreWeighedByTheProbabilities() {
        ShardClassifier c = classifier("a", "b");
        try (Torch.Guard off = Torch.gradients(false);
                Scope s = Scope.open();
                Rng rng = new Rng(2)) {
            c.parameters().initialise(4);
            Tensor x = rng.normal(3, 2, 2, 2);
            Conditioning none = new Conditioning(Tensor.zeros(3, 1, 1), Optional.empty());
            float[] k = c.probabilities(x, Tensor.full(500, 1)).toFloatArray();
            float[] mean =
                    NoisePredictor.classified(
                                    List.of((a, t, y) -> a.mul(2), (a, t, y) -> a.add(3)), c)
                            .predict(x, 500, none)
                            .toFloatArray();
            float[] in = x.toFloatArray();
            for (int i = 0; i < in.length; i++) {
                int row = i / 8;
                float wanted = k[2 * row] * 2 * in[i] + k[2 * row + 1] * (in[i] + 3);
                assertThat(mean[i]).isCloseTo(wanted, within(1e-5f));
            }
            assertThat(k[0]).as("rows have coefficients of their own").isNotEqualTo(k[2]);
        } finally {
            c.parameters().close();
        }
    }

    @Test
    void thereIsAModelPerShard() {
        ShardClassifier c = classifier("animals", "food");
        try {
            assertThatThrownBy(() -> NoisePredictor.classified(List.of((x, t, y) -> x), c))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("2 shards apart (animals, food)")
                    .hasMessageContaining("there are 1 models");
        } finally {
            c.parameters().close();
        }
        assertThatThrownBy(() -> new ShardClassifier.Config(4, 12, List.of("a", "b")))
                .hasMessageContaining("divisible by 8");
    }
}
