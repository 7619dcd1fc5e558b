package org.diffusionsoup.diffusion.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.diffusion.nn.LowRankFactors;
import org.diffusionsoup.diffusion.nn.LowRankFactors.Layer;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.LowRankOptions.Target;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Low-rank factors beside a UNet's weights, and their training. */
class LowRankTrainingTest {
    private static final int WIDTH = 16;
    private static final int TOKENS = 5;

    @TempDir private Path temp;
    private final UNet2DConditionModel unet = unet();

    private static UNet2DConditionModel unet() {
        UNet2DConditionModel unet =
                new UNet2DConditionModel(
                        new UNetConfig(
                                8,
                                4,
                                4,
                                List.of("CrossAttnDownBlock2D", "DownBlock2D"),
                                List.of("UpBlock2D", "CrossAttnUpBlock2D"),
                                List.of(8, 8),
                                1,
                                List.of(2, 2),
                                List.of(1, 1),
                                WIDTH,
                                false,
                                false,
                                4,
                                1e-5,
                                true,
                                0,
                                0,
                                0,
                                true));
        unet.parameters().initialise(1);
        return unet;
    }

    @AfterEach
    void free() {
        unet.parameters().close();
    }

    private float[] output() {
        try (Scope s = Scope.open();
                Torch.Guard off = Torch.gradients(false);
                Rng rng = new Rng(3)) {
            Tensor x = rng.normal(2, 4, 8, 8);
            Tensor text = rng.normal(2, TOKENS, WIDTH);
            return unet.forward(x, Tensor.of(new long[] {1, 7}, 2), text).toFloatArray();
        }
    }

    private List<LossPoint> train(LowRankFactors factors, int steps) {
        try (Scope s = Scope.open();
                Rng rng = new Rng(7)) {
            LatentSet rows =
                    new LatentSet(
                            rng.normal(4, 4, 8, 8),
                            rng.normal(3, TOKENS, WIDTH),
                            new int[][] {{1}, {2}, {1, 2}, {2}},
                            0);
            DenoisingObjective objective =
                    new DenoisingObjective(
                            unet,
                            rows,
                            NoiseTable.of(new double[] {0.01, 0.02, 0.04, 0.08, 0.16}, false),
                            PredictionType.EPSILON,
                            0.1);
            TrainingOptions options =
                    new TrainingOptions(
                            steps,
                            4,
                            1,
                            1e-2,
                            TrainingOptions.Schedule.CONSTANT,
                            0,
                            0,
                            0.9,
                            0.999,
                            1e-8,
                            1,
                            0,
                            5,
                            false);
            try (TrainingRun run =
                    new TrainingRun(factors.parameters(), objective, options, temp, "lora")) {
                run.run(0, () -> false, p -> {});
                return run.curve();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void atFirstTheModelComputesWhatItDid(Target target) {
        float[] before = output();
        try (LowRankFactors factors = new LowRankOptions(4, 8, target).attach(unet, 0)) {
            assertThat(factors.layers()).isNotEmpty();
            assertThat(output()).isEqualTo(before);
        }
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheFactorsLearn(Target target) {
        float[] weights = unet.parameters().flat().toFloatArray();
        float[] before = output();
        try (LowRankFactors factors = new LowRankOptions(4, 8, target).attach(unet, 0)) {
            float[] start = factors.parameters().flat().toFloatArray();
            train(factors, 2);
            assertThat(factors.parameters().flat().toFloatArray()).isNotEqualTo(start);
            for (Layer l : factors.layers()) {
                assertThat(l.up().value().toFloatArray()).as(l.up().name()).isNotEmpty();
                assertThat(norm(l.up().value())).as(l.up().name()).isPositive();
            }
            assertThat(output()).isNotEqualTo(before);
        }
        assertThat(unet.parameters().flat().toFloatArray()).isEqualTo(weights);
        assertThat(output()).as("without the branches").isEqualTo(before);
    }

    private static double norm(Tensor t) {
        double sum = 0;
        for (float f : t.toFloatArray()) {
            sum += f * f;
        }
        return sum;
    }

    @ParameterizedTest
    @EnumSource
    void weightsWithTheProductsInThemComputeTheSame(Target target) {
        double alpha = 6;
        int rank = 3;
        float[] with;
        try (LowRankFactors factors = new LowRankOptions(rank, alpha, target).attach(unet, 0)) {
            train(factors, 5);
            with = output();
            try (Scope s = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                for (Layer l : factors.layers()) {
                    Tensor a = l.down().value().reshape(rank, -1);
                    Tensor b = l.up().value().reshape(-1, rank);
                    Tensor product = b.matmul(a).reshape(l.weight().shape());
                    l.weight().value().add_(product, alpha / rank);
                }
            }
        }
        float[] fused = output();
        for (int i = 0; i < with.length; i++) {
            assertThat(fused[i]).isCloseTo(with[i], within(2e-5f));
        }
    }

    @Test
    void theLossFalls() {
        try (LowRankFactors factors = new LowRankOptions(4, 8, Target.ALL).attach(unet, 0)) {
            List<LossPoint> curve = train(factors, 60);
            assertThat(mean(curve.subList(50, 60))).isLessThan(0.97 * mean(curve.subList(0, 10)));
        }
    }

    private static double mean(List<LossPoint> points) {
        return points.stream().mapToDouble(LossPoint::loss).average().orElseThrow();
    }

    @Test
    void attentionIsItsProjectionsAndAllIsEveryMatrixOfTheBlocks() {
        LowRankOptions attention = new LowRankOptions(2);
        LowRankOptions all = new LowRankOptions(2, 1, Target.ALL);
        TreeSet<String> projections = new TreeSet<>();
        TreeSet<String> neither = new TreeSet<>();
        long factors = 0;
        for (var p : unet.parameters().all()) {
            if (attention.isTarget(p.name(), p.shape())) {
                projections.add(p.name().replaceAll(".*attn", "attn"));
                factors += attention.factors(p.shape());
            }
            if (p.shape().length > 1 && !all.isTarget(p.name(), p.shape())) {
                neither.add(p.name());
            }
        }
        assertThat(projections)
                .containsExactly(
                        "attn1.to_k.weight",
                        "attn1.to_out.0.weight",
                        "attn1.to_q.weight",
                        "attn1.to_v.weight",
                        "attn2.to_k.weight",
                        "attn2.to_out.0.weight",
                        "attn2.to_q.weight",
                        "attn2.to_v.weight");
        assertThat(neither)
                .containsExactly(
                        "conv_in.weight",
                        "conv_out.weight",
                        "time_embedding.linear_1.weight",
                        "time_embedding.linear_2.weight");
        try (LowRankFactors attached = attention.attach(unet, 0)) {
            assertThat(attached.parameters().count()).isEqualTo(factors);
            Layer first = attached.layers().getFirst();
            double bound = 1 / Math.sqrt(first.weight().shape()[1]);
            for (float a : first.down().value().toFloatArray()) {
                assertThat(Math.abs(a)).isLessThanOrEqualTo((float) bound);
            }
        }
    }

    @Test
    void ranksAndAlphasOutOfRangeAreRefused() {
        assertThatThrownBy(() -> new LowRankOptions(0)).hasMessageContaining("at least 1, not 0");
        assertThatThrownBy(() -> new LowRankOptions(2, 0, Target.ALL))
                .hasMessageContaining("`loraAlpha` must be a positive number");
        assertThatThrownBy(() -> new LowRankOptions(2, Double.NaN, Target.ALL))
                .isInstanceOf(TrainingException.class);
        assertThatThrownBy(() -> new LowRankOptions(9).attach(unet, 0))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining("`lora` 9 is above the rank that down_blocks.0")
                .hasMessageContaining("can have, 8");
    }
}
