package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Numbers in evaluation recipes: taken as they stand, or refused; never a default instead. */
class EvaluationRecipesTest {
    private static final String RECIPE =
            """
            train: {base: base, steps: 40, batch: 4, lr: 5e-4, seed: -3}
            models:
              one: {train: shard.tar}
              two: {train: shard.tar, steps: 80}
            prompts: {list: [a cat, a dog, a cow], count: 2, validation: 1, seed: 9}
            sampler: {steps: 7, guidance: 3, batch: 5, size: 64}
            judges:
              CLIP: {clip: judge}
            baseline: one
            """;

    @TempDir private Path dir;

    private EvaluationRecipe read(String text) throws IOException {
        Path file = dir.resolve("recipe.yaml");
        Files.writeString(file, text);
        return EvaluationRecipes.read(file);
    }

    private static EvaluationRecipe.ModelSpec.Train trained(EvaluationRecipe recipe, String name) {
        return (EvaluationRecipe.ModelSpec.Train) recipe.models().get(name);
    }

    @Test
    void everyNumberIsTakenAsItStands() throws IOException {
        EvaluationRecipe recipe = read(RECIPE);
        EvaluationRecipe.Training training = trained(recipe, "one").how();
        assertThat(training.steps()).isEqualTo(40);
        assertThat(training.batch()).isEqualTo(4);
        assertThat(training.rate()).isEqualTo(5e-4);
        assertThat(training.seed()).isEqualTo(-3);
        assertThat(trained(recipe, "two").how().steps()).isEqualTo(80);
        assertThat(recipe.settings().steps()).isEqualTo(7);
        assertThat(recipe.settings().guidance()).isEqualTo(3);
        assertThat(recipe.prompts()).hasSize(2);
        assertThat(recipe.validation()).hasSize(1);
    }

    @Test
    void theRateOfTrainIsTheUsualOneWhereNoneIsGiven() throws IOException {
        EvaluationRecipe recipe = read(RECIPE.replace("lr: 5e-4, ", ""));
        assertThat(trained(recipe, "one").how().rate()).isEqualTo(2e-4);
    }

    @ParameterizedTest
    @CsvSource({
        "steps: 40, steps: many, steps of train",
        "steps: 40, steps: 0, steps of train",
        "steps: 40, steps: 1.5, steps of train",
        "batch: 4, batch: 4000000000, batch of train",
        "lr: 5e-4, lr: fast, lr of train",
        "lr: 5e-4, lr: 0, lr of train",
        "seed: -3, seed: x, seed of train",
        "steps: 80, steps: -1, steps of model two",
        "count: 2, count: two, count of prompts",
        "a dog, a cat, the prompts' list has \"a cat\" twice",
        "validation: 1, validation: -1, validation of prompts",
        "steps: 7, steps: none, steps of sampler",
        "guidance: 3, guidance: strong, guidance of sampler",
        "size: 64, size: big, size of sampler",
    })
    void aNumberThatIsNoneIsNamed(String was, String is, String named) {
        assertThat(RECIPE).contains(was);
        assertThatThrownBy(() -> read(RECIPE.replace(was, is)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "3 | 3",
                "'\"0-2,7\"' | 0,1,2,7",
                "'[5, 1]' | 5,1",
            })
    void seedsAreANumberATextOrAList(String written, String seeds) throws IOException {
        EvaluationRecipe recipe = read(RECIPE + "seeds: " + written + "\n");
        assertThat(recipe.seeds().stream().map(String::valueOf).toList())
                .isEqualTo(List.of(seeds.split(",")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'[0, 0]' | seed 0 is given twice",
                "'[x]' | whole numbers from 0",
                "'[]' | one number or more",
                "many | a text such as 0-3",
                "'\"1,1\"' | a text such as 0-3",
            })
    void otherSeedsAreNamed(String written, String named) {
        assertThatThrownBy(() -> read(RECIPE + "seeds: " + written + "\n"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("In ")
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(named);
    }
}
