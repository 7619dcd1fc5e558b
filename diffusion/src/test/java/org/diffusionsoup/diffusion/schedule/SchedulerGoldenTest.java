package org.diffusionsoup.diffusion.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every scheduler run of the manifest: timesteps, noise levels and whole trajectories. */
class SchedulerGoldenTest {
    @TestFactory
    Stream<DynamicTest> runs() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Golden g : Reference.open().goldens("schedulers")) {
            for (Map.Entry<String, JsonNode> run : g.manifest().path("runs").properties()) {
                tests.add(
                        DynamicTest.dynamicTest(
                                run.getValue().path("scheduler").asText() + " " + run.getKey(),
                                () -> check(g, run.getKey(), run.getValue())));
            }
        }
        assertThat(tests).isNotEmpty();
        return tests.stream();
    }

    private static void check(Golden g, String name, JsonNode run) {
        ObjectNode json = run.path("config").deepCopy();
        json.put("_class_name", run.path("scheduler").asText());
        SchedulerConfig config = SchedulerConfig.of(new JsonConfig(name, json));
        for (Map.Entry<String, JsonNode> option : run.path("step_kwargs").properties()) {
            assertThat(option.getKey()).as("option of step()").isEqualTo("eta");
        }
        double eta = run.path("step_kwargs").path("eta").asDouble(0);
        try (Scope scope = Scope.open();
                Scheduler s = config.scheduler(run.path("steps").asInt(), eta)) {
            double[] timesteps = s.timesteps();
            g.assertClose(name + "/timesteps", floats(timesteps), timesteps.length);
            if (g.has(name + "/sigmas")) {
                g.assertClose(name + "/sigmas", floats(s.sigmas()), s.sigmas().length);
            }
            double init = run.path("init_noise_sigma").asDouble();
            assertThat(s.initNoiseSigma()).isCloseTo(init, within(init * 1e-6));
            TreeSet<Integer> drawn = new TreeSet<>();
            NoiseSource noise =
                    (step, shape) -> {
                        drawn.add(step);
                        return g.tensor("noise").select(0, step);
                    };
            Tensor x = g.tensor("init").mul(s.initNoiseSigma());
            List<Tensor> trajectory = new ArrayList<>(List.of(x));
            for (int i = 0; i < timesteps.length; i++) {
                Tensor input = s.scaleModelInput(x, i);
                // The golden's model rounds its timestep's sine to float32.
                float shift = (float) (0.01 * Math.sin((float) timesteps[i]));
                x = s.step(input.mul(0.1).add(shift), i, x, noise);
                trajectory.add(x);
            }
            Tensor all = Tensor.stack(trajectory, 0);
            g.assertClose(name + "/trajectory", all);
            assertThat(described(drawn)).isEqualTo(text(run.path("noise_indices_used")));
        }
    }

    /** Indices as the manifest writes them: {@code 0..9 (10)}, or a list. */
    private static String described(TreeSet<Integer> indices) {
        if (indices.isEmpty()) {
            return "[]";
        }
        boolean gapless = indices.last() - indices.first() + 1 == indices.size();
        return gapless
                ? indices.first() + ".." + indices.last() + " (" + indices.size() + ")"
                : indices.toString();
    }

    private static String text(JsonNode node) {
        return node.isTextual() ? node.asText() : node.toString();
    }

    private static float[] floats(double[] values) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) values[i];
        }
        return out;
    }
}
