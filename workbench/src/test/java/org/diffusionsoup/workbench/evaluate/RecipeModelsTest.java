package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.ModelSpec;
import org.diffusionsoup.workbench.evaluate.EvaluationRecipe.Place;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines of a recipe that stand for several models, and sweeps. */
class RecipeModelsTest {
    @TempDir private Path dir;

    private EvaluationRecipe read(String train, String models, String rest) throws IOException {
        Path file = dir.resolve("recipe.yaml");
        Files.writeString(
                file,
                """
                train: {base: base, steps: 40, batch: 4, lr: 5e-4%s}
                models:
                  one: {train: one.tar}
                  two: {train: two.tar}
                  three: {train: three.tar}
                %s
                prompts: {list: [a cat, a dog, a cow, a hen], count: 2, validation: 2}
                judges:
                  CLIP: {clip: judge}
                %s
                """
                        .formatted(train, models.indent(2).stripTrailing(), rest));
        return EvaluationRecipes.read(file);
    }

    private EvaluationRecipe models(String models) throws IOException {
        return read("", models, "");
    }

    @Test
    void leaveOneOutIsASoupWithoutEach() throws IOException {
        EvaluationRecipe recipe = models("without: {leave-one-out: [one, two, three]}");
        assertThat(recipe.models().keySet())
                .containsExactly(
                        "one", "two", "three", "without one", "without two", "without three");
        assertThat(recipe.models().get("without two"))
                .isEqualTo(new ModelSpec.Soup(List.of("one", "three"), List.of()));
    }

    @Test
    void cumulativeAddsOneAfterTheOther() throws IOException {
        EvaluationRecipe recipe =
                models(
                        """
                        souped: {cumulative: {soup: [one, two, three]}}
                        combined: {cumulative: {train: [one.tar, two.tar, three.tar]}}\
                        """);
        assertThat(recipe.models().get("souped 1-2"))
                .isEqualTo(new ModelSpec.Soup(List.of("one", "two"), List.of()));
        assertThat(recipe.models().get("souped 1-3"))
                .isEqualTo(new ModelSpec.Soup(List.of("one", "two", "three"), List.of()));
        assertThat(recipe.models().get("combined 1-2"))
                .isInstanceOfSatisfying(
                        ModelSpec.Train.class,
                        t ->
                                assertThat(t.shards())
                                        .containsExactly(
                                                dir.resolve("one.tar").toString(),
                                                dir.resolve("two.tar").toString()));
        assertThat(recipe.models()).doesNotContainKey("souped 1-1").hasSize(7);
    }

    @Test
    void weightsAreExactAndSumToOne() throws IOException {
        EvaluationRecipe recipe =
                models(
                        """
                        mix: {soup: [one, two], weights: [0.1, 0.2]}
                        both: {ensemble: [one, two], weights: [1, 3]}
                        equal: {ensemble: [one, two], weights: uniform}\
                        """);
        assertThat(recipe.models().get("mix"))
                .isEqualTo(
                        new ModelSpec.Soup(
                                List.of("one", "two"),
                                List.of(Coefficient.parse("1/3"), Coefficient.parse("2/3"))));
        assertThat(recipe.models().get("both"))
                .isEqualTo(
                        new ModelSpec.Ensemble(
                                List.of("one", "two"),
                                List.of(Coefficient.parse("1/4"), Coefficient.parse("3/4")),
                                false));
        assertThat(recipe.models().get("equal"))
                .isEqualTo(new ModelSpec.Ensemble(List.of("one", "two"), List.of(), false));
    }

    @Test
    void aSweepRepeatsWhatIsTrainedAndWhatIsMadeOfIt() throws IOException {
        EvaluationRecipe recipe =
                read(
                        "",
                        """
                        base: base
                        fixed: {train: one.tar, steps: 9}
                        long: {train: [one.tar, two.tar], times: 3}
                        soup: {soup: [one, two]}
                        with fixed: {soup: [one, fixed]}\
                        """,
                        "sweep: {steps: [20, 50]}\nbaseline: soup");
        assertThat(recipe.models().keySet())
                .containsExactly(
                        "one, 20 steps",
                        "one, 50 steps",
                        "two, 20 steps",
                        "two, 50 steps",
                        "three, 20 steps",
                        "three, 50 steps",
                        "base",
                        "fixed",
                        "long, 20 steps",
                        "long, 50 steps",
                        "soup, 20 steps",
                        "soup, 50 steps",
                        "with fixed, 20 steps",
                        "with fixed, 50 steps");
        assertThat(recipe.models().get("soup, 20 steps"))
                .isEqualTo(
                        new ModelSpec.Soup(List.of("one, 20 steps", "two, 20 steps"), List.of()));
        assertThat(recipe.models().get("with fixed, 50 steps"))
                .isEqualTo(new ModelSpec.Soup(List.of("one, 50 steps", "fixed"), List.of()));
        assertThat(recipe.sweep().get("soup, 50 steps")).isEqualTo(new Place("soup", 50, 5e-4));
        assertThat(recipe.sweep()).doesNotContainKeys("base", "fixed");
        ModelSpec.Train first = (ModelSpec.Train) recipe.models().get("long, 20 steps");
        assertThat(first.after()).isEqualTo(60);
        assertThat(first.how().steps()).as("one run of the longest").isEqualTo(150);
        assertThat(first.how().keepEvery()).as("30 divides 60 and 150").isEqualTo(30);
        assertThat(recipe.tableBaseline()).isEqualTo("one, 20 steps");
    }

    @Test
    void ratesAreSweptAsWell() throws IOException {
        EvaluationRecipe recipe = read("", "", "sweep: {lr: [5e-4, 1.25e-4]}");
        assertThat(recipe.models().keySet())
                .contains("one, 40 steps, 5e-4", "one, 40 steps, 1.25e-4");
        ModelSpec.Train t = (ModelSpec.Train) recipe.models().get("one, 40 steps, 1.25e-4");
        assertThat(t.how().rate()).isEqualTo(1.25e-4);
        assertThat(t.how().keepEvery()).isZero();
    }

    @Test
    void aLoraIsTrainedWhereItsRankIsGiven() throws IOException {
        EvaluationRecipe recipe = models("low: {train: one.tar, lora: 8, lr: 2e-3}");
        assertThat(((ModelSpec.Train) recipe.models().get("low")).how().lora()).isEqualTo(8);
        assertThat(((ModelSpec.Train) recipe.models().get("one")).how().lora()).isZero();
        EvaluationRecipe usual = read(", lora: 4", "full: {train: one.tar, lora: 0}", "");
        assertThat(((ModelSpec.Train) usual.models().get("two")).how().lora()).isEqualTo(4);
        assertThat(((ModelSpec.Train) usual.models().get("full")).how().lora()).isZero();
    }

    @Test
    void theLossIsThatOfTheLineOrTheUsualOne() throws IOException {
        EvaluationRecipe recipe =
                read(", min-snr: 5", "own: {train: one.tar, min-snr: 0, offset-noise: 0.1}", "");
        assertThat(((ModelSpec.Train) recipe.models().get("one")).how().loss())
                .isEqualTo(new DenoisingLoss(5, 0));
        assertThat(((ModelSpec.Train) recipe.models().get("own")).how().loss())
                .isEqualTo(new DenoisingLoss(0, 0.1));
        assertThatThrownBy(() -> models("own: {train: one.tar, offset-noise: 2}"))
                .hasMessageContaining("model own")
                .hasMessageContaining("offset-noise 0 to 1");
    }

    @Test
    void aRateOfAModelsOwnStaysInASweepOverSteps() throws IOException {
        EvaluationRecipe recipe =
                read("", "own: {train: one.tar, lr: 1e-3}", "sweep: {steps: [20, 40]}");
        ModelSpec.Train own = (ModelSpec.Train) recipe.models().get("own, 20 steps");
        assertThat(own.how().rate()).isEqualTo(1e-3);
        assertThatThrownBy(() ->
                        read("", "own: {train: one.tar, lr: 1e-3}", "sweep: {lr: [1e-4, 5e-4]}"))
                .hasMessageContaining("model own has an lr of its own");
    }

    @Test
    void shardsAreMadeByName() throws IOException {
        EvaluationRecipe recipe =
                read(
                        "",
                        "half: {train: first half}",
                        "shards: {first half: {of: one.tar, part: 1-2/4, grade: ae3, seed: 5}}");
        RecipeShards.Spec spec = recipe.shards().get("first half");
        assertThat(spec.of()).isEqualTo(dir.resolve("one.tar").toString());
        assertThat(List.of(spec.first(), spec.last(), spec.parts())).containsExactly(1, 2, 4);
        assertThat(((ModelSpec.Train) recipe.models().get("half")).shards())
                .containsExactly("first half");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "x: {soup: [one, none]} | made of none, which no line before names",
                "x: {soup: [one, two], weights: [1]} | weights of model x",
                "x: {soup: [one, two], weights: [1, 0]} | 2 numbers above 0",
                "x: {soup: [one, two], weights: [1, many]} | is a number, not many",
                "x: {leave-one-out: [one]} | two names or more",
                "x: {leave-one-out: [one, one]} | all different",
                "x: {cumulative: [one, two]} | two names or more",
                "x: {search: best, of: [one, two]} | search \"best\" is unknown",
                "x: {train: []} | trained on nothing",
                "x: {train: one.tar, steps: 5, times: 2} | steps and times",
                "x: {train: one.tar, lora: -1} | lora of model x",
                "x: {train: one.tar, lr: 2} | above 0 and below 1",
                "x: {steps: 5} | neither a path nor",
                "x: {soup: [one, two], sequential: true} | sequential of model x",
                "x: {resoup: [one, two], sequential: true} | sequential of model x",
                "x: {train: one.tar, sequential: true} | sequential of model x",
                "x: {ensemble: [one, two], sequential: 2} | sequential of model x",
            })
    void whatMakesNoModelIsNamed(String line, String said) {
        assertThatThrownBy(() -> models(line))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(said);
    }

    @Test
    void aClassifierGivesTheCoefficientsOfTrainedModels() throws IOException {
        EvaluationRecipe recipe =
                models(
                        """
                        weighed: {ensemble: [one, two], weights: classifier}
                        anew: {resoup: [one, two]}\
                        """);
        assertThat(recipe.models().get("weighed"))
                .isEqualTo(new ModelSpec.Classified(List.of("one", "two"), false, false));
        assertThat(recipe.models().get("anew"))
                .isEqualTo(new ModelSpec.Classified(List.of("one", "two"), true, false));
        assertThatThrownBy(() -> models("b: base\nx: {resoup: [one, b]}"))
                .hasMessageContaining("b is trained on none here");
    }

    @Test
    void modelsOfAnEnsembleMayTakeTurns() throws IOException {
        EvaluationRecipe recipe =
                models(
                        """
                        both: {ensemble: [one, two], sequential: true}
                        weighed: {ensemble: [one, two], weights: classifier, sequential: true}\
                        """);
        assertThat(recipe.models().get("both"))
                .isEqualTo(new ModelSpec.Ensemble(List.of("one", "two"), List.of(), true));
        assertThat(recipe.models().get("weighed"))
                .isEqualTo(new ModelSpec.Classified(List.of("one", "two"), false, true));
    }

    /** Whichever comes first: neither takes the other's place. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "without one: {soup: [two, three]} | without: {leave-one-out: [one, two, three]}",
                "cum 1-2: {soup: [one, two]} | cum: {cumulative: {soup: [one, two]}}",
            })
    void namesThatLinesGiveAreNotGivenTwice(String one, String other) {
        assertThatThrownBy(() -> models(one.strip() + "\n" + other.strip()))
                .hasMessageContaining("two models would be called");
        assertThatThrownBy(() -> models(other.strip() + "\n" + one.strip()))
                .hasMessageContaining("two models would be called");
    }

    @Test
    void aSweptNameIsNotGivenTwice() {
        assertThatThrownBy(() ->
                        read(
                                "",
                                "'one, 20 steps': {train: two.tar, steps: 9}",
                                "sweep: {steps: [20, 40]}"))
                .hasMessageContaining("two models would be called 'one, 20 steps'");
    }

    @Test
    void anEnsembleHasNoWeightsToAverage() {
        assertThatThrownBy(() -> models("e: {ensemble: [one, two]}\nx: {soup: [e, three]}"))
                .hasMessageContaining("model x is made of e, an ensemble");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "sweep: {steps: [50, 20]} | ascend",
                "sweep: {steps: [0, 20]} | steps of sweep",
                "sweep: {lr: [1e-4, 1e-4]} | that differ",
                "sweep: {rates: [1]} | \"rates\"",
                "sweep: {steps: []} | one value or more",
                "sweep: {lr: 1e-4} | one value or more",
                "shards: {s: {of: a.tar, part: 3/2}} | part of shard s",
                "shards: {s: {of: a.tar, part: half}} | such as 1/2",
                "shards: {s: {of: a.tar, grade: ae9}} | grade of shard s",
            })
    void whatIsNoSweepOrShardIsNamed(String line, String said) {
        assertThatThrownBy(() -> read("", "", line))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(said);
    }
}
