package org.diffusionsoup.workbench.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Eq. 4 and 5 where the order of the gap is known. */
class LinearStudyTest {
    private static final List<Double> SCALES = List.of(0.25, 0.5, 1.0);

    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private LinearResults study(String name, List<Path> models, List<Double> scales) {
        Shard shard = TinyIngredients.shard(temp.resolve("rows.tar"), 3);
        return new LinearStudy(
                        TinyIngredients.base(name),
                        List.of(new TuningStage("all", models)),
                        shard,
                        3,
                        scales,
                        0,
                        Progress.silent())
                .run(temp.resolve("out"));
    }

    private Path moved(String base, String name, float... by) throws IOException {
        return TinyIngredients.moved(
                TinyIngredients.base(base), temp.resolve(name), TinyIngredients.shifted(by));
    }

    /** The bias of the last layer is added to what is predicted: everything is linear in it. */
    @Test
    void thereIsNoGapWhereTheNetworkIsLinear() throws IOException {
        Path a = moved("tiny-sd15", "a", 0.4f, 0, 0, 0.1f);
        Path b = moved("tiny-sd15", "b", 0.2f, 0.3f, 0, -0.1f);
        LinearResults r = study("tiny-sd15", List.of(a, b), SCALES);
        LinearResults.Stage s = r.stages().getFirst();
        // The mean shift is (0.3, 0.15, 0, 0), in noise, which tiny-sd15 predicts.
        assertThat(s.overall().effect().estimate())
                .isCloseTo(Math.sqrt((0.09 + 0.0225) / 4), within(1e-5));
        assertThat(s.overall().relative().estimate()).isLessThan(1e-5);
        assertThat(s.overall().taylor().estimate()).isLessThan(1e-4);
        assertThat(r.verdict()).startsWith("For all").contains("means averaging predictions");
        long weights = 0;
        for (Path part : List.of(a)) {
            weights = weightsOf(part);
        }
        assertThat(s.distances().get(0)).isCloseTo(Math.sqrt(0.17 / weights), within(1e-6));
        assertThat(s.distances().get(1)).isCloseTo(Math.sqrt(0.14 / weights), within(1e-6));
        assertThat(s.distance()).isCloseTo(Math.sqrt(0.155 / weights), within(1e-6));
    }

    private static long weightsOf(Path model) {
        try (var f =
                org.diffusionsoup.core.safetensors.SafetensorsFile.open(
                        model.resolve("unet/diffusion_pytorch_model.safetensors"))) {
            return f.tensors().values().stream().mapToLong(t -> t.byteSize() / 4).sum();
        }
    }

    /** A shift of v is one of γ_t times as much in noise. */
    @Test
    void differencesAreThoseOfTheNoise() throws IOException {
        Path a = moved("tiny-sd21", "a", 0.4f, 0, 0, 0);
        Path b = moved("tiny-sd21", "b", 0.2f, 0, 0, 0);
        LinearResults.Stage s = study("tiny-sd21", List.of(a, b), SCALES).stages().getFirst();
        for (LinearResults.AtTimestep at : s.byTimestep()) {
            double gamma = Math.sqrt(1 - at.sigma() * at.sigma());
            assertThat(at.gap().effect().estimate())
                    .as("t %d", at.timestep())
                    .isCloseTo(gamma * 0.3 / 2, within(1e-5));
        }
    }

    /** Close to the base the gap is of second order, and its share of the effect of first. */
    @Test
    void theGapIsOfSecondOrderCloseToTheBase() throws IOException {
        Path base = TinyIngredients.base("tiny-sd15");
        Path a = TinyIngredients.moved(base, temp.resolve("a"), TinyIngredients.jittered(0.01, 1));
        Path b = TinyIngredients.moved(base, temp.resolve("b"), TinyIngredients.jittered(0.01, 2));
        LinearResults.Stage s = study("tiny-sd15", List.of(a, b), SCALES).stages().getFirst();
        assertThat(s.exponent().estimate()).isCloseTo(2, within(0.1));
        assertThat(s.overall().taylor().estimate()).isBetween(1e-4, 0.1);
        assertThat(s.overall().relative().estimate()).isBetween(1e-4, 0.1);
        LinearResults.AtScale half = s.byScale().get(1);
        LinearResults.AtScale whole = s.byScale().get(2);
        assertThat(half.distance()).isCloseTo(s.distance() / 2, within(1e-12));
        assertThat(whole.gap().estimate() / half.gap().estimate()).isCloseTo(4, within(0.3));
        assertThat(whole.relative().estimate() / half.relative().estimate())
                .isCloseTo(2, within(0.15));
        assertThat(s.byScale().getFirst().localExponent()).isNull();
        assertThat(whole.relative()).isEqualTo(s.overall().relative());
        assertThat(whole.gap()).isEqualTo(s.overall().gap());
    }

    @Test
    void sameSeedSameBytes() throws IOException {
        Path a = moved("tiny-sd15", "a", 0.4f, 0, 0, 0);
        Path b = moved("tiny-sd15", "b", 0.2f, 0, 0, 0);
        study("tiny-sd15", List.of(a, b), SCALES);
        String first = Files.readString(temp.resolve("out/linear.json"));
        String page = Files.readString(temp.resolve("out/linear.html"));
        study("tiny-sd15", List.of(a, b), SCALES);
        assertThat(Files.readString(temp.resolve("out/linear.json"))).isEqualTo(first);
        assertThat(Files.readString(temp.resolve("out/linear.html"))).isEqualTo(page);
        assertThat(first + page).doesNotContain(temp.toString());
    }

    @Test
    void aMeasureIsARootOfMeanSquares() {
        LinearMeasure measure = new LinearMeasure(2, 2, new double[] {1, 0.5});
        double[][] zero = new double[2][4];
        double[][] there = {{3, -4, 3, -4}, {3, -4, 3, -4}};
        double[][] squares = measure.squares(there, zero);
        assertThat(squares).isDeepEqualTo(new double[][] {{12.5, 3.125}, {12.5, 3.125}});
        assertThat(measure.size(squares, 0).estimate()).isCloseTo(Math.sqrt(12.5), within(1e-12));
        double[][] twice = measure.squares(new double[][] {{6, -8, 6, -8}, {6, -8, 6, -8}}, zero);
        assertThat(measure.ratio(twice, squares, 0, 1).estimate()).isCloseTo(2, within(1e-12));
        assertThat(
                        measure.exponent(new double[] {1, 2}, new double[][][] {squares, twice})
                                .estimate())
                .isCloseTo(1, within(1e-12));
    }

    private static LinearResults.AtScale at(double scale, double relative) {
        Interval i = new Interval(relative, relative, relative, 0.95);
        return new LinearResults.AtScale(scale, scale * 0.01, i, i, null);
    }

    @Test
    void theThresholdIsCrossedBetweenTwoScales() {
        List<LinearResults.AtScale> linear = List.of(at(0.25, 0.05), at(0.5, 0.1), at(1, 0.2));
        assertThat(LinearStage.crossing(linear, 0.1)).isCloseTo(0.005, within(1e-9));
        assertThat(LinearStage.crossing(linear, 0.3)).isNull();
        assertThat(LinearStage.crossing(linear, 0.01)).isNull();
    }

    @Test
    void whatCannotBeComparedIsRefused() throws IOException {
        Path base = TinyIngredients.base("tiny-sd15");
        Path a = moved("tiny-sd15", "a", 0.4f, 0, 0, 0);
        Path twin = moved("tiny-sd15", "twin", 0.4f, 0, 0, 0);
        assertThatThrownBy(() -> study("tiny-sd15", List.of(a, twin), SCALES))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("a and ")
                .hasMessageContaining("twin have the same weights in their UNets");
        assertThatThrownBy(() -> study("tiny-sd15", List.of(a, base), SCALES))
                .hasMessageContaining("have the same weights");
        assertThatThrownBy(() -> new TuningStage("one", List.of(a)))
                .hasMessageContaining("two or more ingredients, not 1; give more");
        Path b = moved("tiny-sd15", "b", 0.2f, 0, 0, 0);
        for (List<Double> bad :
                List.of(List.of(1.0), List.of(0.5, 0.5, 1.0), List.of(0.5), List.of(0.0, 1.0))) {
            assertThatThrownBy(() -> study("tiny-sd15", List.of(a, b), bad))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("`scales` takes two or more numbers");
        }
        assertThatThrownBy(() ->
                        study("tiny-sd15", List.of(a, TinyIngredients.base("tiny-sd21")), SCALES))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("differ in text_encoder/model.safetensors");
    }

    @Test
    void stagesAreThoseThatAllIngredientsKept() throws IOException {
        for (String name : List.of("a", "a-step000002", "a-step000004", "a-step000004x", "b")) {
            Files.createDirectory(temp.resolve(name));
        }
        Files.createDirectory(temp.resolve("b-step000004"));
        List<Path> both = List.of(temp.resolve("a"), temp.resolve("b"));
        List<TuningStage> stages = TuningStage.of(both);
        assertThat(stages).extracting(TuningStage::name).containsExactly("step 4", "end");
        assertThat(stages.getFirst().models())
                .containsExactly(temp.resolve("a-step000004"), temp.resolve("b-step000004"));
        assertThat(stages.getLast().models()).isEqualTo(both);
        Files.delete(temp.resolve("b-step000004"));
        assertThatThrownBy(() -> TuningStage.of(both))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`keepEvery`");
    }
}
