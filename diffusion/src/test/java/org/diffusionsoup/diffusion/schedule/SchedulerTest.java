package org.diffusionsoup.diffusion.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerTest {
    private static final long SEED = 20240615;

    private static final List<String> ALL =
            List.of(
                    "DDIMScheduler",
                    "DDPMScheduler",
                    "PNDMScheduler",
                    "EulerDiscreteScheduler",
                    "EulerAncestralDiscreteScheduler",
                    "LMSDiscreteScheduler",
                    "HeunDiscreteScheduler",
                    "DPMSolverMultistepScheduler",
                    "UniPCMultistepScheduler");

    private static SchedulerConfig config(String name, PredictionType type) {
        ObjectNode o = SchedulerConfig.stableDiffusion(type).toJson();
        o.put("_class_name", name);
        o.put("set_alpha_to_one", true);
        o.put("steps_offset", 0);
        o.put("timestep_spacing", "leading");
        return SchedulerConfig.of(new JsonConfig("test", o));
    }

    /** The prediction of a model that knows the one picture there is. */
    private static Tensor knowing(SchedulerConfig c, Tensor clean, Tensor input, double timestep) {
        int t = (int) timestep;
        double gamma = c.table().gamma(t);
        double sigma = c.table().sigma(t);
        Tensor noise = input.sub(clean.mul(gamma)).div(sigma);
        return switch (c.predictionType()) {
            case EPSILON -> noise;
            case V_PREDICTION -> noise.mul(gamma).sub(clean.mul(sigma));
            case SAMPLE -> clean;
        };
    }

    @ParameterizedTest
    @CsvSource({
        "DDIMScheduler, EPSILON",
        "DDIMScheduler, V_PREDICTION",
        "DDIMScheduler, SAMPLE",
        "DDPMScheduler, EPSILON",
        "DDPMScheduler, V_PREDICTION",
        "DDPMScheduler, SAMPLE",
        "PNDMScheduler, EPSILON",
        "PNDMScheduler, V_PREDICTION",
        "EulerDiscreteScheduler, EPSILON",
        "EulerDiscreteScheduler, SAMPLE",
        "EulerAncestralDiscreteScheduler, EPSILON",
        "EulerAncestralDiscreteScheduler, SAMPLE",
        "LMSDiscreteScheduler, EPSILON",
        "LMSDiscreteScheduler, V_PREDICTION",
        "HeunDiscreteScheduler, V_PREDICTION",
        "HeunDiscreteScheduler, SAMPLE",
        "DPMSolverMultistepScheduler, EPSILON",
        "DPMSolverMultistepScheduler, SAMPLE",
        "UniPCMultistepScheduler, EPSILON",
        "UniPCMultistepScheduler, SAMPLE"
    })
    void aPerfectDenoiserOfOnePictureDrawsThatPicture(String name, PredictionType type) {
        SchedulerConfig c = config(name, type);
        try (Scope scope = Scope.open();
                Rng rng = new Rng(SEED);
                Scheduler s = c.scheduler(40)) {
            Tensor clean = rng.normal(2, 3, 4, 4);
            Tensor x = rng.normal(2, 3, 4, 4).mul(s.initNoiseSigma());
            double[] timesteps = s.timesteps();
            for (int i = 0; i < timesteps.length; i++) {
                // Every step's own scope: what a scheduler remembers must outlive it.
                try (Scope step = Scope.open()) {
                    Tensor input = s.scaleModelInput(x, i);
                    Tensor out = knowing(c, clean, input, timesteps[i]);
                    x = s.step(out, i, x, NoiseSource.of(rng)).keep();
                }
            }
            float[] wanted = clean.toFloatArray();
            float[] drawn = x.toFloatArray();
            // PNDM, like the reference's, mixes velocities of several timesteps as if of one.
            boolean mixed = name.startsWith("PNDM") && type == PredictionType.V_PREDICTION;
            for (int i = 0; i < wanted.length; i++) {
                assertThat(drawn[i]).isCloseTo(wanted[i], within(mixed ? 0.01f : 1e-5f));
            }
        }
    }

    /**
     * So many steps that some visit a timestep twice, or one beyond the last, divide by nothing.
     */
    @ParameterizedTest
    @FieldSource("ALL")
    void asManyStepsAsTimestepsAreDoneOrRefused(String name) {
        for (String spacing : List.of("leading", "linspace", "trailing")) {
            for (int offset = 0; offset < 2; offset++) {
                ObjectNode o = config(name, PredictionType.EPSILON).toJson();
                o.put("timestep_spacing", spacing);
                o.put("steps_offset", offset);
                SchedulerConfig c = SchedulerConfig.of(new JsonConfig("test", o));
                for (int steps : new int[] {1000, 999}) {
                    assertThat(isFinite(c, mostUpTo(c, steps)))
                            .as("%s %s %d %d", name, spacing, offset, steps)
                            .isTrue();
                }
            }
        }
    }

    private static int mostUpTo(SchedulerConfig c, int steps) {
        try (Scheduler s = c.scheduler(steps)) {
            return steps;
        } catch (ScheduleException e) {
            Matcher most = Pattern.compile("give at most (\\d+)\\.").matcher(e.getMessage());
            assertThat(most.find()).as(e.getMessage()).isTrue();
            int n = Integer.parseInt(most.group(1));
            assertThat(n).isBetween(900, steps - 1);
            return n;
        }
    }

    private static boolean isFinite(SchedulerConfig c, int steps) {
        try (Scope scope = Scope.open();
                Rng rng = new Rng(SEED);
                Scheduler s = c.scheduler(steps)) {
            Tensor x = rng.normal(1, 1, 1, 2);
            for (int i = 0; i < s.timesteps().length; i++) {
                try (Scope step = Scope.open()) {
                    Tensor input = s.scaleModelInput(x, i);
                    x = s.step(input.mul(0.5), i, x, NoiseSource.of(rng)).keep();
                }
            }
            return Float.isFinite(x.toFloatArray()[0]) && Float.isFinite(x.toFloatArray()[1]);
        }
    }

    @Test
    void aStepOutOfTurnIsRefused() {
        try (Scope scope = Scope.open();
                Scheduler s = config("DDIMScheduler", PredictionType.EPSILON).scheduler(5)) {
            Tensor x = Tensor.ones(1, 1, 2, 2);
            s.step(x, 0, x, NoiseSource.none());
            assertThatThrownBy(() -> s.step(x, 0, x, NoiseSource.none()))
                    .isInstanceOf(ScheduleException.class)
                    .hasMessageContaining("where step 1 is due");
        }
    }

    @Test
    void aStochasticSchedulerWithoutNoiseIsRefused() {
        try (Scope scope = Scope.open();
                Scheduler s = config("DDPMScheduler", PredictionType.EPSILON).scheduler(5)) {
            Tensor x = Tensor.ones(1, 1, 2, 2);
            assertThatThrownBy(() -> s.step(x, 0, x, NoiseSource.none()))
                    .isInstanceOf(ScheduleException.class)
                    .hasMessageContaining("noise source");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 1001})
    void aRunOfAnImpossibleLengthIsRefused(int steps) {
        SchedulerConfig c = SchedulerConfig.stableDiffusion(PredictionType.EPSILON);
        assertThatThrownBy(() -> c.scheduler(steps))
                .isInstanceOf(ScheduleException.class)
                .hasMessageContaining("1 to 1000 steps");
    }

    @Test
    void everySchedulerTakesEveryShortRun() {
        for (String name : ALL) {
            SchedulerConfig c = config(name, PredictionType.EPSILON);
            for (int steps : List.of(4, 5, 7)) {
                try (Scope scope = Scope.open();
                        Rng rng = new Rng(SEED);
                        Scheduler s = c.scheduler(steps)) {
                    Tensor x = rng.normal(1, 1, 2, 2).mul(s.initNoiseSigma());
                    for (int i = 0; i < s.timesteps().length; i++) {
                        x = s.step(x.mul(0.1), i, x, NoiseSource.of(rng));
                    }
                    for (float v : x.toFloatArray()) {
                        assertThat(v).as(name + " in " + steps + " steps").isFinite();
                    }
                }
            }
        }
    }

    @Test
    void unknownSchedulersAndOptionsAreNamed() {
        ObjectNode o = SchedulerConfig.stableDiffusion(PredictionType.EPSILON).toJson();
        assertThatThrownBy(() -> SchedulerConfig.of(new JsonConfig("f", o.put("_class_name", "X"))))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("the scheduler X is not supported");
        o.put("_class_name", "DDIMScheduler").put("thresholding", true);
        assertThatThrownBy(() -> SchedulerConfig.of(new JsonConfig("f", o)))
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("thresholding");
    }

    @Test
    void theSigmoidScheduleRunsBetweenItsEnds() {
        NoiseTable t = NoiseTable.of(BetaSchedule.SIGMOID, 0.001, 0.02, 1001, false);
        assertThat(t.beta(500)).isCloseTo(0.0105, within(1e-12)); // half way
        assertThat(t.beta(0)).isCloseTo(0.001 + 0.019 * 0.0024726231566347743, within(1e-12));
        assertThat(t.beta(1000)).isCloseTo(0.02 - 0.019 * 0.0024726231566347743, within(1e-12));
    }
}
