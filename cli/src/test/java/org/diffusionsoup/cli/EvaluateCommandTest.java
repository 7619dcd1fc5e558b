package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup evaluate} on tiny models with random weights. */
class EvaluateCommandTest {
    private static final Path ROOT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();

    @TempDir Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private Path recipe(String more) throws IOException {
        Path file = folder.resolve("r.yaml");
        Files.writeString(
                file,
                """
                models:
                  one: %s
                  two: %s
                prompts: {list: [a cat, a red apple, a house]}
                seeds: 0-1
                sampler: {steps: 1, batch: 4}
                judges:
                  CLIP: {clip: %s}
                """
                                .formatted(TinyModels.sd15(), TinyModels.sd21(), TinyModels.clip())
                        + more);
        return file;
    }

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.ok().out());
    }

    private List<Path> pictures() throws IOException {
        try (Stream<Path> all = Files.walk(folder.resolve("out/cache/pictures"))) {
            return all.filter(Files::isRegularFile).sorted().toList();
        }
    }

    @Test
    void picturesAreDrawnOnceAndAnInterruptedRunEndsInTheSameNumbers() throws IOException {
        Path recipe = recipe("");
        JsonNode first = json(Run.of("evaluate", recipe, "-o", folder.resolve("out"), "--json"));
        assertThat(first.path("pictures_drawn").asInt()).isEqualTo(12);
        List<Path> pictures = pictures();
        assertThat(pictures).hasSize(12);
        assertThat(folder.resolve("out/index.html")).exists();
        assertThat(folder.resolve("out/pages/page-001.html")).exists();
        List<String> csv = Files.readAllLines(folder.resolve("out/results.csv"));
        assertThat(csv).hasSize(13);
        for (String line : csv.subList(1, 13)) {
            String file = line.substring(line.lastIndexOf(',') + 1).replace("\"", "");
            assertThat(Path.of(file)).isRelative();
            assertThat(folder.resolve("out").resolve(file)).exists();
        }
        for (JsonNode model : first.path("models")) {
            Path from = Path.of(model.path("folder").asText());
            assertThat(from).isRelative();
            assertThat(folder.resolve("out").resolve(from).normalize()).isDirectory();
        }
        JsonNode rows = first.path("judges").get(0).path("models");
        assertThat(rows.get(1).path("minus_baseline").path("estimate").asDouble())
                .isCloseTo(
                        rows.get(1).path("score").path("estimate").asDouble()
                                - rows.get(0).path("score").path("estimate").asDouble(),
                        within(1e-12));

        JsonNode again = json(Run.of("evaluate", recipe, "-o", folder.resolve("out"), "--json"));
        assertThat(again.path("pictures_drawn").asInt()).isZero();
        assertThat(again.path("judges")).isEqualTo(first.path("judges"));

        // As a kill between two pictures leaves the cache.
        for (Path p : pictures.subList(3, 8)) {
            Files.delete(p);
        }
        JsonNode resumed = json(Run.of("evaluate", recipe, "-o", folder.resolve("out"), "--json"));
        assertThat(resumed.path("pictures_drawn").asInt()).isEqualTo(5);
        Files.delete(pictures.getFirst());
        Run told = Run.of("evaluate", recipe, "-o", folder.resolve("out")).ok();
        assertThat(told.err().lines()).containsOnlyOnce("11 of 12 pictures are kept.");
        assertThat(resumed.path("judges")).isEqualTo(first.path("judges"));
    }

    /** Judges are looked for before shards are made for seconds, those of made shards too. */
    @Test
    void aJudgeThatIsNotThereIsNamedBeforeAnythingIsMade() throws IOException {
        TinyTraining.shard(folder.resolve("rows.tar"), 6, 16, "train");
        Path out = folder.resolve("out");
        for (String judge :
                List.of(
                        "{clip: nowhere}",
                        "{clip: nowhere, originals: half}",
                        "{clip: %s, originals: gone.tar}".formatted(TinyModels.clip()))) {
            Path recipe = folder.resolve("missing.yaml");
            Files.writeString(
                    recipe,
                    """
                    shards:
                      half: {of: rows.tar, part: 1/2, grade: ae1}
                    train: {base: %1$s, steps: 4, batch: 2}
                    models:
                      base: %1$s
                      a: {train: half}
                    prompts: {list: [a cat, a red apple, a house]}
                    judges:
                      J: %2$s
                    baseline: base
                    """
                            .formatted(TinyTraining.BASE.toAbsolutePath(), judge));
            Run run = Run.of("evaluate", recipe, "-o", out);
            assertThat(run.status()).isEqualTo(1);
            assertThat(run.err()).contains(judge.contains("gone") ? "gone.tar" : "nowhere");
            assertThat(out.resolve("cache/shards")).doesNotExist();
        }
    }

    /** Ingredients, their soup and their ensemble at two places of one run. */
    @Test
    void aSweepTrainsOnceAndDrawsCurves() throws IOException {
        TinyTraining.shard(folder.resolve("rows.tar"), 6, 16, "train");
        Path recipe = folder.resolve("sweep.yaml");
        Files.writeString(
                recipe,
                """
                shards:
                  half: {of: rows.tar, part: 1/2}
                train: {base: %1$s, steps: 4, batch: 2}
                sweep: {steps: [2, 4]}
                models:
                  base: %1$s
                  a: {train: half}
                  b: {train: rows.tar}
                  soup: {soup: [a, b], weights: [1, 3]}
                  both: {ensemble: [a, b], weights: [1, 3]}
                prompts: {list: [a cat, a red apple, a house]}
                sampler: {steps: 2, batch: 4}
                judges:
                  CLIP: {clip: %2$s}
                baseline: soup
                """
                        .formatted(TinyTraining.BASE.toAbsolutePath(), TinyModels.clip()));
        JsonNode json = json(Run.of("evaluate", recipe, "-o", folder.resolve("out"), "--json"));
        assertThat(json.path("models")).hasSize(9);
        assertThat(json.path("pictures_drawn").asInt()).isEqualTo(27);
        JsonNode ensemble = json.path("models").get(8);
        assertThat(ensemble.path("name").asText()).isEqualTo("both, 4 steps");
        assertThat(ensemble.path("ensemble")).hasSize(2);
        assertThat(ensemble.path("coefficients").get(1).asDouble()).isEqualTo(0.75);
        assertThat(ensemble.path("steps").asLong()).isEqualTo(4);
        try (Stream<Path> made = Files.list(folder.resolve("out/cache/models"))) {
            assertThat(made.map(f -> f.getFileName().toString()).filter(n -> n.startsWith("a-")))
                    .as("one run, and the model that it kept on its way")
                    .hasSize(2);
        }
        assertThat(Files.readString(folder.resolve("out/index.html")))
                .contains("CLIP over the steps of training", "Difference to soup at the same step");

        Path alone = folder.resolve("alone");
        Run.of(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        folder.resolve("rows.tar"),
                        "--out",
                        alone,
                        "--steps",
                        4,
                        "--batch",
                        2,
                        "--lr",
                        "2e-4",
                        "--keep-every",
                        2)
                .ok();
        Path kept = folder.resolve("out").resolve(folderOf(json, "b, 2 steps"));
        assertThat(unet(kept))
                .as("the kept model is that of a run by hand")
                .isEqualTo(unet(folder.resolve("alone-step000002")));
    }

    private static String unet(Path model) {
        return WeightsHash.of(model.resolve("unet/diffusion_pytorch_model.safetensors"));
    }

    private static String folderOf(JsonNode json, String model) {
        for (JsonNode m : json.path("models")) {
            if (m.path("name").asText().equals(model)) {
                return m.path("folder").asText();
            }
        }
        throw new AssertionError("no " + model);
    }

    @Test
    void thePapersRecipeNamesTheFirstMissingFile() {
        Run.of("evaluate", ROOT.resolve("recipes/paper/setting.yaml"), "-o", folder.resolve("sd21"))
                .fails(1, "sd21", "There is no prompts file");
    }

    @Test
    void wrongWordsAndMissingFilesAreNamed() throws IOException {
        Run.of("evaluate", folder.resolve("none.yaml"), "-o", folder.resolve("x"))
                .fails(1, "There is no recipe", "none.yaml");
        Run.of("evaluate", recipe("sedes: 3\n"), "-o", folder.resolve("x")).fails(1, "\"sedes\"");
        Run.of("evaluate", recipe("baseline: nobody\n"), "-o", folder.resolve("x"))
                .fails(1, "baseline 'nobody'");
        Path twice = Files.writeString(folder.resolve("twice.yaml"), "name: a\nname: b\n");
        Run.of("evaluate", twice, "-o", folder.resolve("x"))
                .fails(1, "twice.yaml, line 2: the key 'name' stands there twice");
        Run.of("evaluate", recipe("  IR: {image-reward: nowhere}\n"), "-o", folder.resolve("x"))
                .fails(1, "Judge 'IR' needs ImageReward's weights at", "nowhere");
    }
}
