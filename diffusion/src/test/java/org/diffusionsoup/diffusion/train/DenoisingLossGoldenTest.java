package org.diffusionsoup.diffusion.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Computed;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.golden.ReferenceWeights;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.schedule.BetaSchedule;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Losses, weights of timesteps and gradients against diffusers' training script. */
class DenoisingLossGoldenTest {
    private static NoiseTable table(JsonNode config) {
        return NoiseTable.of(
                BetaSchedule.of(config.path("beta_schedule").asText()),
                config.path("beta_start").asDouble(),
                config.path("beta_end").asDouble(),
                config.path("num_train_timesteps").asInt(),
                config.path("rescale_betas_zero_snr").asBoolean(false));
    }

    @TestFactory
    Stream<DynamicTest> weights() {
        return Reference.each("snr_tables", DenoisingLossGoldenTest::weights);
    }

    private static List<DynamicTest> weights(Golden g) {
        DenoisingLoss loss = new DenoisingLoss(g.manifest().path("gamma").asDouble(), 0);
        Computed computed = new Computed();
        List<String> names = new ArrayList<>();
        for (Map.Entry<String, JsonNode> config : g.manifest().path("configs").properties()) {
            NoiseTable table = table(config.getValue());
            Map.of("min_snr_eps", PredictionType.EPSILON, "min_snr_v", PredictionType.V_PREDICTION)
                    .forEach((kind, type) -> {
                        String name = config.getKey() + "/" + kind;
                        if (!g.has(name)) {
                            return;
                        }
                        float[] w = new float[table.size()];
                        for (int t = 0; t < w.length; t++) {
                            w[t] = (float) loss.weight(table, type, t);
                        }
                        try (Scope s = Scope.open()) {
                            computed.put(name, Tensor.of(w));
                        }
                        names.add(name);
                    });
        }
        return names.stream().sorted().map(name -> computed.test(g, name)).toList();
    }

    @TestFactory
    Stream<DynamicTest> losses() {
        return Reference.each("training", DenoisingLossGoldenTest::losses);
    }

    private static List<DynamicTest> losses(Golden g) {
        var folder = g.pipeline().resolve("unet");
        UNet2DConditionModel unet =
                new UNet2DConditionModel(
                        UNetConfig.of(JsonConfig.read(folder.resolve("config.json"))));
        ReferenceWeights.load(folder, unet.parameters());
        List<DynamicTest> tests = new ArrayList<>();
        try (Parameters owned = unet.parameters()) {
            owned.train();
            for (Map.Entry<String, JsonNode> c : g.manifest().path("cases").properties()) {
                if (c.getValue().path("input_perturbation").asDouble() == 0) {
                    tests.addAll(losses(g, unet, c.getKey(), c.getValue()));
                }
            }
        }
        return tests;
    }

    /** One computation of a loss and its gradients, as the manifest describes it. */
    private static List<DynamicTest> losses(
            Golden g, UNet2DConditionModel unet, String name, JsonNode settings) {
        DenoisingLoss loss =
                new DenoisingLoss(
                        settings.path("snr_gamma").asDouble(0),
                        settings.path("noise_offset").asDouble());
        PredictionType type = PredictionType.of(settings.path("prediction_type").asText());
        JsonNode config = g.manifest().path("scheduler_config").deepCopy();
        ((ObjectNode) config)
                .set("rescale_betas_zero_snr", settings.path("rescale_betas_zero_snr"));
        NoiseTable table = table(config);
        Computed computed = new Computed();
        Parameters weights = unet.parameters();
        weights.flatGrad().zero_();
        String c = name + ".";
        try (Scope s = Scope.open()) {
            Tensor clean = g.tensor("latents");
            long[] t = g.longs("timesteps");
            Tensor noise = loss.offset(g.tensor("noise0"), g.tensor("offset_noise"));
            Tensor noisy = table.addNoise(clean, noise, t);
            Tensor target = type.target(table, clean, noise, t);
            Tensor pred = unet.forward(noisy, Tensor.of(t), g.tensor("encoder_hidden_states"));
            Tensor value = loss.of(pred, target, table, type, t);
            value.backward();
            computed.put(c + "noisy", noisy);
            computed.put(c + "target", target);
            computed.put(c + "pred", pred);
            computed.put(c + "loss", value.reshape(1));
            for (String p : g.tensorsUnder(c + "grad.")) {
                computed.put(
                        c + "grad." + p, weights.grad(Objects.requireNonNull(weights.find(p))));
            }
            computed.put(c + "grad_norm", Tensor.of(new float[] {(float) weights.gradientNorm()}));
        }
        List<String> compared = new ArrayList<>();
        for (String what : List.of("noisy", "target", "pred", "loss", "grad_norm")) {
            compared.add(c + what);
        }
        g.tensorsUnder(c + "grad.").forEach(p -> compared.add(c + "grad." + p));
        return compared.stream().map(tensor -> computed.test(g, tensor)).toList();
    }

    /** What the quotients of the reference leave out, 0/0, and what it lacks, the clean sample. */
    @ParameterizedTest
    @CsvSource({"EPSILON, 1, 1", "V_PREDICTION, 0, 0.75", "SAMPLE, 0, 3"})
    void withoutSignalTheWeightIsItsLimit(PredictionType type, double last, double first) {
        NoiseTable table = NoiseTable.of(new double[] {0.25, 0.5}, true);
        DenoisingLoss loss = new DenoisingLoss(5, 0);
        assertThat(loss.weight(table, type, 1)).isEqualTo(last);
        assertThat(loss.weight(table, type, 0)) // γ² = 3/4, SNR 3
                .isCloseTo(first, within(1e-12));
    }

    /** The same error, said in any of the three ways, costs the same. */
    @Test
    void theWeightsOfTheThreeTypesAgree() {
        NoiseTable table = NoiseTable.of(BetaSchedule.SCALED_LINEAR, 0.00085, 0.012, 1000, false);
        DenoisingLoss loss = new DenoisingLoss(5, 0);
        for (int t = 0; t < 1000; t += 37) {
            double a = table.gamma(t);
            double s = table.sigma(t);
            double clean = loss.weight(table, PredictionType.SAMPLE, t);
            // An error e of the clean sample is one of -eγ/σ of the noise, -e/σ of the velocity.
            assertThat(loss.weight(table, PredictionType.EPSILON, t) * (a / s) * (a / s))
                    .isCloseTo(clean, withinPercentage(1e-9));
            assertThat(loss.weight(table, PredictionType.V_PREDICTION, t) / (s * s))
                    .isCloseTo(clean, withinPercentage(1e-9));
        }
    }

    @ParameterizedTest
    @EnumSource
    void withoutGammaEveryWeightIsOne(PredictionType type) {
        NoiseTable table = NoiseTable.of(new double[] {0.25, 0.5}, true);
        assertThat(new DenoisingLoss(0, 0.1).weight(table, type, 1)).isEqualTo(1);
    }

    /** Drawn after ε, which therefore is that of a run without offsets. */
    @Test
    void anOffsetIsOneNumberPerRowAndChannel() {
        try (Scope scope = Scope.open();
                Rng one = new Rng(3);
                Rng other = new Rng(3)) {
            float[] plain = DenoisingLoss.PLAIN.noise(one, 2, 3, 4, 5).toFloatArray();
            float[] moved = new DenoisingLoss(0, 0.5).noise(other, 2, 3, 4, 5).toFloatArray();
            for (int map = 0; map < 6; map++) {
                float shift = moved[map * 20] - plain[map * 20];
                assertThat(Math.abs(shift)).isGreaterThan(1e-3f);
                for (int i = 1; i < 20; i++) {
                    assertThat(moved[map * 20 + i] - plain[map * 20 + i])
                            .isCloseTo(shift, within(1e-5f));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"-1, 0, minSnr", "NaN, 0, minSnr", "0, 1.5, offsetNoise", "5, NaN, offsetNoise"})
    void nonsenseIsRefused(double gamma, double offset, String named) {
        assertThatThrownBy(() -> new DenoisingLoss(gamma, offset))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(named);
    }
}
