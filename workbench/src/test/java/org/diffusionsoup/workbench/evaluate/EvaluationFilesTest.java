package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.diffusionsoup.data.Csv;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of one evaluation, read by themselves. */
class EvaluationFilesTest {
    @TempDir private static Path dir;

    private static Path out;
    private static Evaluation evaluation;
    private static JsonNode json;

    @BeforeAll
    static void evaluate() throws IOException {
        TinyModels.moved(dir.resolve("one"), TinyModels.jittered(1));
        TinyModels.moved(dir.resolve("two"), TinyModels.jittered(2));
        Path recipe =
                Files.writeString(
                        dir.resolve("recipe.yaml"),
                        """
                        name: A <tiny> comparison
                        models:
                          one: one
                          two: two
                          both, equal: {ensemble: [one, two]}
                        prompts: {list: ['a "red" cat', 'boats, two', 'ä <b>house</b>'], count: 3}
                        seeds: [4, 9]
                        sampler: {steps: 1, guidance: 1, negative: dark, scheduler: ddim, size: 16}
                        judges:
                          colour: {measure: colour}
                          ink: {measure: ink}
                        baseline: two
                        """);
        out = dir.resolve("results");
        evaluation =
                new Evaluator(
                                EvaluationRecipes.read(recipe),
                                out.resolve("cache"),
                                Progress.silent(),
                                () -> false,
                                note -> {
                                    throw new AssertionError(note);
                                })
                        .run()
                        .orElseThrow();
        EvaluationFiles.write(evaluation, out);
        json = new ObjectMapper().readTree(out.resolve("results.json").toFile());
    }

    @Test
    void resultsSayWhatWasAsked() {
        assertThat(json.path("name").asText()).isEqualTo("A <tiny> comparison");
        assertThat(json.path("prompts")).hasSize(3);
        assertThat(json.path("validation_prompts")).isEmpty();
        assertThat(json.path("seeds").toString()).isEqualTo("[4,9]");
        assertThat(json.path("sampler").toString())
                .isEqualTo(
                        "{\"steps\":1,\"guidance\":1.0,\"negative\":\"dark\",\"scheduler\":\"DDIM\"}");
        assertThat(json.path("baseline").asText()).isEqualTo("two");
        assertThat(json.path("pictures_drawn").asInt()).isEqualTo(18);
    }

    @Test
    void modelsAreNamedFromTheResultsFolderAndNotByThisMachine() throws IOException {
        assertThat(json.path("models").get(0).path("folder").asText()).isEqualTo("../one");
        JsonNode both = json.path("models").get(2);
        assertThat(both.path("ensemble").toString()).isEqualTo("[\"../one\",\"../two\"]");
        assertThat(both.path("coefficients").toString()).isEqualTo("[0.5,0.5]");
        assertThat(both.has("folder")).isFalse();
        assertThat(json.path("models").get(1).path("sha256").asText())
                .isEqualTo(ModelHash.of(dir.resolve("two")));
        for (String file : List.of("results.json", "results.csv", "index.html")) {
            assertThat(Files.readString(out.resolve(file))).doesNotContain(dir.toString());
        }
    }

    @Test
    void everyNumberIsThere() {
        assertThat(json.path("judges")).hasSize(2);
        for (int j = 0; j < 2; j++) {
            Evaluation.Judged judged = evaluation.judges().get(j);
            JsonNode judge = json.path("judges").get(j);
            assertThat(judge.path("name").asText()).isEqualTo(judged.name());
            assertThat(judge.path("judge_sha256").asText())
                    .isEqualTo(judged.table().judge().weightsSha256());
            for (int m = 0; m < 3; m++) {
                JsonNode row = judge.path("models").get(m);
                assertThat(row.has("minus_baseline")).isEqualTo(m != 1);
                double sum = 0;
                for (JsonNode prompt : row.path("values")) {
                    assertThat(prompt).hasSize(2);
                    sum += prompt.get(0).asDouble() + prompt.get(1).asDouble();
                }
                JsonNode score = row.path("score");
                assertThat(score.path("estimate").asDouble()).isCloseTo(sum / 6, within(1e-12));
                assertThat(score.path("low").asDouble())
                        .isLessThanOrEqualTo(score.path("estimate").asDouble());
                assertThat(score.path("high").asDouble())
                        .isGreaterThanOrEqualTo(score.path("estimate").asDouble());
                assertThat(score.path("confidence").asDouble()).isEqualTo(0.95);
            }
        }
    }

    @Test
    void theTableNamesTheFileBehindEveryScore() throws IOException {
        List<Csv.Record> rows =
                Csv.parse(Files.readString(out.resolve("results.csv")), "results.csv");
        assertThat(rows.getFirst().fields())
                .containsExactly("judge", "model", "prompt", "seed", "score", "picture");
        assertThat(rows).hasSize(1 + 2 * 3 * 3 * 2);
        int at = 1;
        for (Evaluation.Judged judged : evaluation.judges()) {
            for (int m = 0; m < 3; m++) {
                for (int p = 0; p < 3; p++) {
                    for (int s = 0; s < 2; s++) {
                        List<String> row = rows.get(at++).fields();
                        assertThat(row.subList(0, 4))
                                .containsExactly(
                                        judged.name(),
                                        evaluation.models().get(m).name(),
                                        evaluation.recipe().prompts().get(p),
                                        s == 0 ? "4" : "9");
                        assertThat(Double.parseDouble(row.get(4)))
                                .isEqualTo(judged.sets().get(m).values().get(p).get(s));
                        Path picture = out.resolve(row.get(5));
                        assertThat(PngFiles.readText(picture))
                                .containsEntry("seed", row.get(3))
                                .containsEntry("prompt", row.get(2));
                    }
                }
            }
        }
    }

    @Test
    void pagesShowEveryPictureAndEscapeWhatIsTyped() throws IOException {
        String page = Files.readString(out.resolve("pages/page-001.html"));
        assertThat(page.split("src=\"data:image/png", -1)).hasSize(1 + 18);
        for (String file : List.of("index.html", "pages/page-001.html")) {
            assertThat(Files.readString(out.resolve(file)))
                    .contains("A &lt;tiny&gt; comparison")
                    .doesNotContain("<b>house", "<tiny>");
        }
        try (Stream<Path> pages = Files.list(out.resolve("pages"))) {
            assertThat(pages).hasSize(1);
        }
    }

    @Test
    void theSheetHoldsTheFirstSeedOfEveryModel() throws IOException {
        Path file = out.resolve("pictures.png");
        RgbImage sheet = PngCodec.decode(Files.readAllBytes(file), "sheet");
        assertThat(sheet.width()).isGreaterThan(3 * 96);
        assertThat(sheet.height()).isGreaterThan(3 * 96);
        assertThat(PngFiles.readText(file)).containsEntry("Software", "Diffusion Soup");
    }

    @Test
    void fewPromptsAreSaidToBeFew() {
        assertThat(EvaluationFiles.caution(evaluation))
                .contains(
                        "Of 3 prompts bootstrap intervals are too narrow: that one excludes 0 says little with fewer than 20.");
    }

    @Test
    void writingAgainGivesTheSameBytes() {
        var first = TinyModels.contents(out);
        EvaluationFiles.write(evaluation, out);
        assertThat(TinyModels.contents(out)).isEqualTo(first);
    }
}
