package org.diffusionsoup.diffusion.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Noise tables, diffused samples and velocities against diffusers'. */
class NoiseTableGoldenTest {
    private static final String BETAS = "/betas";
    private static final String ZERO_SNR = "_zerosnr";

    @TestFactory
    Stream<DynamicTest> tables() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Golden g : Reference.open().goldens("noise_tables")) {
            for (String tensor : g.tensors()) {
                if (!tensor.endsWith(BETAS)) {
                    continue;
                }
                String name = tensor.substring(0, tensor.length() - BETAS.length());
                add(tests, g, name + BETAS, t -> vector(t.betas()), table(g, name));
                add(
                        tests,
                        g,
                        name + "/alphas_cumprod",
                        t -> vector(t.alphasCumprod()),
                        table(g, name));
                long[] timesteps = g.longs("timesteps");
                add(
                        tests,
                        g,
                        name + "/add_noise",
                        t -> t.addNoise(g.tensor("x"), g.tensor("noise"), timesteps),
                        table(g, name));
                add(
                        tests,
                        g,
                        name + "/velocity",
                        t -> t.velocity(g.tensor("x"), g.tensor("noise"), timesteps),
                        table(g, name));
            }
        }
        assertThat(tests).isNotEmpty();
        return tests.stream();
    }

    private static void add(
            List<DynamicTest> tests,
            Golden g,
            String tensor,
            Function<NoiseTable, Tensor> computed,
            NoiseTable table) {
        if (g.has(tensor)) {
            tests.add(
                    DynamicTest.dynamicTest(
                            tensor,
                            () -> {
                                try (Scope scope = Scope.open()) {
                                    g.assertClose(tensor, computed.apply(table));
                                }
                            }));
        }
    }

    /** The table of a name such as {@code scaled_linear_zerosnr}; its ends are the golden's. */
    private static NoiseTable table(Golden g, String name) {
        boolean zeroSnr = name.endsWith(ZERO_SNR);
        String plain = zeroSnr ? name.substring(0, name.length() - ZERO_SNR.length()) : name;
        float[] betas = g.floats(plain + BETAS);
        return NoiseTable.of(
                BetaSchedule.of(plain), betas[0], betas[betas.length - 1], betas.length, zeroSnr);
    }

    private static Tensor vector(double[] values) {
        float[] v = new float[values.length];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) values[i];
        }
        return Tensor.of(v);
    }

    @TestFactory
    Stream<DynamicTest> noiseOfASchedulerInTheSpaceOfNoiseLevels() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Golden g : Reference.open().goldens("noise_tables")) {
            if (!g.has("euler/add_noise")) {
                continue;
            }
            ObjectNode json = SchedulerConfig.stableDiffusion(PredictionType.EPSILON).toJson();
            json.put("_class_name", "EulerDiscreteScheduler");
            json.put("timestep_spacing", "leading");
            tests.add(
                    DynamicTest.dynamicTest(
                            "euler/add_noise",
                            () -> {
                                try (Scope scope = Scope.open();
                                        Scheduler s =
                                                SchedulerConfig.of(new JsonConfig("euler", json))
                                                        .scheduler(10)) {
                                    float[] at = g.floats("euler/timesteps");
                                    double[] timesteps = new double[at.length];
                                    for (int i = 0; i < at.length; i++) {
                                        timesteps[i] = at[i];
                                    }
                                    g.assertClose(
                                            "euler/add_noise",
                                            s.addNoise(
                                                    g.tensor("x"), g.tensor("noise"), timesteps));
                                }
                            }));
        }
        return tests.stream();
    }
}
