package org.diffusionsoup.diffusion.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
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

    private static SchedulerConfig solver(String name, String json) {
        ObjectNode o = config(name, PredictionType.EPSILON).toJson();
        try {
            o.setAll((ObjectNode) JsonConfig.MAPPER.readTree(json));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
        return SchedulerConfig.of(new JsonConfig("scheduler_config.json", o));
    }

    /** As diffusers has it, the pictures of these would be NaN. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "UniPC | {'lower_order_final': false} | lower_order_final false with solver_order 2 cannot end at zero noise; set lower_order_final to true, or final_sigmas_type to sigma_min",
                "UniPC | {'lower_order_final': false, 'solver_order': 3} | lower_order_final false with solver_order 3",
                "UniPC | {'predict_x0': false} | predict_x0 false cannot end at zero noise; set final_sigmas_type to sigma_min, or predict_x0 to true",
                "UniPC | {'predict_x0': false, 'lower_order_final': false} | predict_x0 false cannot",
                "DPMSolver | {'algorithm_type': 'dpmsolver'} | algorithm_type dpmsolver cannot end at zero noise; set final_sigmas_type to sigma_min",
                "DPMSolver | {'algorithm_type': 'sde-dpmsolver'} | algorithm_type sde-dpmsolver cannot",
                "UniPC | {'final_sigmas_type': 'sigma_min', 'use_karras_sigmas': true, 'solver_order': 3, 'lower_order_final': false} | step 20 of 20 with solver_order 3 … set lower_order_final to true",
                "DPMSolver | {'use_karras_sigmas': true, 'sigma_min': 5, 'sigma_max': 2} | sigma_min must be the smaller one"
            })
    void whatCannotBeComputedIsNamedBeforeTheFirstStep(String name, String json, String told) {
        SchedulerConfig c = solver(name + "MultistepScheduler", json.replace('\'', '"'));
        assertThatThrownBy(() -> c.scheduler(20).close())
                .isInstanceOf(UnsupportedConfigException.class)
                .hasMessageContaining("scheduler_config.json: ")
                .hasMessageContainingAll(told.split(" … "));
    }

    /** Settings drawn at random give numbers, or are refused by a field's name. */
    @RepeatedTest(300)
    void aRunGivesNumbersOrIsRefused(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        ObjectNode o = JsonConfig.object();
        o.put(
                "timestep_spacing",
                List.of("leading", "linspace", "trailing").get(random.nextInt(3)));
        o.put("final_sigmas_type", random.nextBoolean() ? "zero" : "sigma_min");
        o.put("use_karras_sigmas", random.nextBoolean());
        o.put("lower_order_final", random.nextBoolean());
        o.put("solver_order", 1 + random.nextInt(3));
        if (random.nextInt(4) == 0) {
            o.put("sigma_min", random.nextBoolean() ? 0.5 : 20);
        }
        boolean uni = random.nextBoolean();
        if (uni) {
            o.put("predict_x0", random.nextInt(3) > 0);
            o.put("solver_type", random.nextBoolean() ? "bh1" : "bh2");
        } else {
            o.put("euler_at_final", random.nextBoolean());
            o.put("solver_type", random.nextBoolean() ? "heun" : "midpoint");
            o.put(
                    "algorithm_type",
                    List.of("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver")
                            .get(random.nextInt(4)));
        }
        SchedulerConfig c =
                solver((uni ? "UniPC" : "DPMSolver") + "MultistepScheduler", o.toString());
        int steps = List.of(1, 2, 3, 14, 16, 40, 999).get(random.nextInt(7));
        boolean refused = false;
        try (Scheduler s = c.scheduler(steps)) {
            assertThat(s.timesteps()).hasSize(steps);
        } catch (UnsupportedConfigException e) {
            assertThat(e).hasMessageStartingWith("scheduler_config.json: ");
            refused = true;
        } catch (ScheduleException e) {
            refused = true;
        }
        assertThat(refused || isFinite(c, steps)).as("%s in %d steps", o, steps).isTrue();
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
