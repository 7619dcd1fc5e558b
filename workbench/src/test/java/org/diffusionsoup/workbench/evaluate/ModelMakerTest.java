package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.KeptFiles;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a recipe's models are made of, and that none is made twice. */
class ModelMakerTest {
    private static final String TRAIN =
            "train: {base: base, steps: 2, batch: 2, lr: 1e-3, seed: 3}\n";
    private static final String REST =
            """
            prompts: {list: [a, b, c, d], count: 2, validation: 2}
            sampler: {steps: 2, guidance: 1, scheduler: ddim, size: 16}
            judges: {colour: {measure: colour}}
            """;

    @TempDir private static Path inputs;
    @TempDir private Path cache;

    private final List<String> notes = new ArrayList<>();
    private TellingProgress told;

    @BeforeAll
    static void makeInputs() {
        TinyModels.copy(TinyModels.sd15(), inputs.resolve("base"));
        TinyModels.moved(inputs.resolve("one"), TinyModels.jittered(1));
        TinyModels.moved(inputs.resolve("two"), TinyModels.jittered(2));
        TinyModels.shard(inputs.resolve("a.tar"), 4, 1);
        TinyModels.shard(inputs.resolve("b.tar"), 4, 2);
    }

    @BeforeEach
    void startTelling() {
        told = new TellingProgress();
    }

    private Optional<Map<String, MadeModel>> make(String text, BooleanSupplier stop) {
        EvaluationRecipe recipe;
        try {
            recipe =
                    EvaluationRecipes.read(
                            Files.writeString(inputs.resolve("recipe.yaml"), text + REST));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return new ModelMaker(
                        recipe,
                        cache.resolve("models"),
                        new KeptFiles(cache, ModelHash::counts, notes::add),
                        new RecipeSearch(recipe, told),
                        told,
                        stop)
                .make();
    }

    private Map<String, MadeModel> make(String text) {
        told = new TellingProgress();
        return make(text, () -> false).orElseThrow();
    }

    private static Path folder(MadeModel made) {
        assertThat(made.folders()).hasSize(1);
        return made.folders().getFirst();
    }

    private long trainings() {
        return told.tasks.stream().filter(t -> t.startsWith("train")).count();
    }

    @Test
    void aFolderIsTakenAsItIs() {
        MadeModel made = make("models: {x: one}\n").get("x");
        assertThat(folder(made)).isEqualTo(inputs.resolve("one"));
        assertThat(made.isEnsemble()).isFalse();
        assertThat(cache.resolve("models")).doesNotExist();
    }

    @Test
    void aSoupIsTheWeighedMeanOfItsMembers() {
        Map<String, MadeModel> made =
                make(
                        """
                        models:
                          one: one
                          two: two
                          equal: {soup: [one, two]}
                          mix: {soup: [one, two], weights: [1, 3]}
                        """);
        Map<String, float[]> one = TinyModels.values(TinyModels.unet(inputs.resolve("one")));
        Map<String, float[]> two = TinyModels.values(TinyModels.unet(inputs.resolve("two")));
        for (String name : List.of("equal", "mix")) {
            double k = name.equals("equal") ? 0.5 : 0.25;
            Map<String, float[]> soup = TinyModels.values(TinyModels.unet(folder(made.get(name))));
            assertThat(soup).hasSameSizeAs(one);
            soup.forEach((tensor, values) -> {
                for (int i = 0; i < values.length; i++) {
                    double expected = k * one.get(tensor)[i] + (1 - k) * two.get(tensor)[i];
                    assertThat((double) values[i])
                            .isCloseTo(expected, within(1e-7 * (1 + Math.abs(expected))));
                }
            });
        }
        assertThat(folder(made.get("mix")).getFileName().toString()).matches("mix-[0-9a-f]{10}");
    }

    @Test
    void anEnsembleIsNoFolderButItsMembersWithWeights() {
        Map<String, MadeModel> made =
                make(
                        """
                        models:
                          one: one
                          two: two
                          equal: {ensemble: [two, one]}
                          mix: {ensemble: [one, two], weights: [1, 3], sequential: true}
                        """);
        assertThat(made.get("equal").coefficients()).containsExactly(0.5, 0.5);
        assertThat(made.get("equal").folders())
                .containsExactly(inputs.resolve("two"), inputs.resolve("one"));
        assertThat(made.get("mix").coefficients()).containsExactly(0.25, 0.75);
        assertThat(made.get("mix").sequential()).isTrue();
        assertThat(made.get("mix").isEnsemble()).isTrue();
    }

    @Test
    void hashesTellEverythingThatDecidesThePicturesApart() {
        Map<String, MadeModel> made =
                make(
                        """
                        models:
                          one: one
                          two: two
                          soup: {soup: [one, two]}
                          equal: {ensemble: [one, two]}
                          turned: {ensemble: [two, one]}
                          mix: {ensemble: [one, two], weights: [1, 3]}
                          in turn: {ensemble: [one, two], sequential: true}
                        """);
        assertThat(made.get("in turn").hash())
                .as("the same pictures, in less memory")
                .isEqualTo(made.get("equal").hash());
        assertThat(made.entrySet().stream().filter(e -> !e.getKey().equals("in turn")))
                .extracting(e -> e.getValue().hash())
                .doesNotHaveDuplicates()
                .allSatisfy(hash -> assertThat(hash).matches("[0-9a-f]{64}"));
    }

    @Test
    void trainingIsDoneOnceAndAgainOnlyForOtherSettings() {
        String recipe = TRAIN + "models: {x: {train: a.tar}}\n";
        Path first = folder(make(recipe).get("x"));
        assertThat(trainings()).isPositive();
        Map<String, String> files = TinyModels.contents(first);
        assertThat(folder(make(recipe).get("x"))).isEqualTo(first);
        assertThat(trainings()).isZero();
        assertThat(TinyModels.contents(first)).isEqualTo(files);
        assertThat(TinyModels.values(TinyModels.unet(first)).get("conv_in.weight"))
                .isNotEqualTo(
                        TinyModels.values(TinyModels.unet(inputs.resolve("base")))
                                .get("conv_in.weight"));
        List<Path> all = new ArrayList<>(List.of(first));
        for (String[] change :
                new String[][] {
                    {"steps: 2", "steps: 3"},
                    {"batch: 2", "batch: 1"},
                    {"lr: 1e-3", "lr: 2e-3"},
                    {"seed: 3", "seed: 4"},
                    {"seed: 3", "seed: 3, lora: 2"},
                    {"seed: 3", "seed: 3, min-snr: 5"},
                    {"base: base", "base: one"},
                    {"a.tar", "b.tar"},
                    {"train: a.tar", "train: [a.tar, b.tar]"}
                }) {
            assertThat(recipe).contains(change[0]);
            all.add(folder(make(recipe.replace(change[0], change[1])).get("x")));
            assertThat(trainings()).as(change[1]).isPositive();
        }
        assertThat(all).hasSize(10).doesNotHaveDuplicates();
    }

    @Test
    void aRenamedLineOfTheSameModelsIsAnotherSoupFolderOfTheSameHash() {
        String recipe = "models: {one: one, two: two, s: {soup: [one, two]}}\n";
        MadeModel first = make(recipe).get("s");
        MadeModel renamed = make(recipe.replace("s: {soup", "t u/v: {soup")).get("t u/v");
        assertThat(folder(renamed).getFileName().toString()).matches("t-u-v-[0-9a-f]{10}");
        assertThat(renamed.hash()).isEqualTo(first.hash());
    }

    @Test
    void modelsOnTheWayAreOfOneRun() {
        String recipe =
                TRAIN
                        + "models: {x: {train: a.tar}, y: {soup: [x]}}\n"
                        + "sweep: {steps: [2, 4]}\n";
        Map<String, MadeModel> made = make(recipe);
        assertThat(made).containsOnlyKeys("x, 2 steps", "x, 4 steps", "y, 2 steps", "y, 4 steps");
        assertThat(folder(made.get("x, 2 steps")).toString())
                .isEqualTo(folder(made.get("x, 4 steps")) + "-step000002");
        assertThat(made.get("x, 2 steps").hash()).isNotEqualTo(made.get("x, 4 steps").hash());
        assertThat(make(recipe).get("y, 2 steps").hash()).isEqualTo(made.get("y, 2 steps").hash());
        assertThat(trainings()).isZero();
    }

    @Test
    void aMissingFolderIsToldBeforeAnythingIsTrained() {
        assertThatThrownBy(() -> make(TRAIN + "models: {x: {train: a.tar}, y: nowhere}\n"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("There is no model folder " + inputs.resolve("nowhere"));
        assertThat(cache.resolve("models")).doesNotExist();
    }

    @Test
    void aRunThatIsAskedToStopMakesNoMore() {
        assertThat(make("models: {one: one, two: two, s: {soup: [one, two]}}\n", () -> true))
                .isEmpty();
        assertThat(cache.resolve("models")).doesNotExist();
    }

    @Test
    void aTrainingThatWasStoppedGoesOnToTheSameModel() {
        String recipe = TRAIN.replace("steps: 2", "steps: 6") + "models: {x: {train: a.tar}}\n";
        int[] polls = {0};
        assertThat(make(recipe, () -> polls[0]++ > 3)).isEmpty();
        Path resumed = folder(make(recipe).get("x"));
        Map<String, float[]> weights = TinyModels.values(TinyModels.unet(resumed));
        cache = cache.resolve("other");
        Path undisturbed = folder(make(recipe).get("x"));
        assertThat(undisturbed.getFileName()).isEqualTo(resumed.getFileName());
        assertThat(weights)
                .usingRecursiveComparison()
                .isEqualTo(TinyModels.values(TinyModels.unet(undisturbed)));
    }

    @Test
    void aClassifierNeedsModelsOfOneShardEach() {
        assertThatThrownBy(() ->
                        make(
                                TRAIN
                                        + """
                                        models:
                                          x: {train: a.tar}
                                          y: {train: [a.tar, b.tar]}
                                          z: {resoup: [x, y]}
                                        """))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "Model z asks a classifier, which needs models of one shard each; y has other data.");
    }

    @Test
    void aDamagedModelOfARunIsTrainedAgain() {
        String recipe = TRAIN + "models: {x: {train: a.tar}}\n";
        Path model = folder(make(recipe).get("x"));
        Map<String, float[]> weights = TinyModels.values(TinyModels.unet(model));
        TinyModels.change(TinyModels.unet(model), (name, w) -> w[0] += 1);
        assertThat(folder(make(recipe).get("x"))).isEqualTo(model);
        assertThat(notes).singleElement().asString().contains("is damaged");
        assertThat(TinyModels.values(TinyModels.unet(model)))
                .usingRecursiveComparison()
                .isEqualTo(weights);
    }
}
