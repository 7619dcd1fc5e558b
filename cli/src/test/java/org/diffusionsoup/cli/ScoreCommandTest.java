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
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code soup score} on tiny models with random weights and the committed emoji. */
class ScoreCommandTest {
    private static final Path MODEL = TinyModels.sd15();
    private static final Path JUDGE = TinyModels.clip();
    private static final Path EMOJI =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("shards/emoji");

    @TempDir Path folder;

    /** Tiny tensors: a second thread only waits. */
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static JsonNode json(Run run) throws IOException {
        assertThat(run.err()).isEmpty();
        return new ObjectMapper().readTree(run.out());
    }

    @Test
    void aModelsScoreIsTheJudgesMeanOverThePicturesThatGenerateDraws() throws IOException {
        List<String> prompts = List.of("a cat", "a red apple", "a small blue house");
        Path file = folder.resolve("prompts.txt");
        Files.write(file, prompts);
        JsonNode json =
                json(
                        Run.of(
                                        "score",
                                        "--judge",
                                        JUDGE,
                                        "--model",
                                        MODEL,
                                        "--prompts",
                                        file,
                                        "--seeds",
                                        "4-5",
                                        "--steps",
                                        2,
                                        "--json")
                                .ok());
        Path each = folder.resolve("each");
        Run.of(
                        "generate",
                        "--model",
                        MODEL,
                        "--prompts",
                        file,
                        "--seeds",
                        "4-5",
                        "--steps",
                        2,
                        "--each",
                        each)
                .ok();
        double sum = 0;
        try (ClipJudge judge = ClipJudge.load(JUDGE, ClipConvention.RAW_COSINE);
                Stream<Path> files = Files.list(each)) {
            List<Path> sorted = files.sorted().toList();
            assertThat(sorted).hasSize(6);
            for (int i = 0; i < 6; i++) {
                RgbImage image = PngCodec.decode(Files.readAllBytes(sorted.get(i)), "picture");
                Picture picture = Picture.rgb(image.width(), image.height(), image.pixels());
                sum += judge.score(List.of(picture), List.of(prompts.get(i / 2)))[0];
            }
        }
        JsonNode score = json.path("models").get(0).path("score");
        assertThat(score.path("estimate").asDouble()).isCloseTo(sum / 6, within(1e-5));
        assertThat(score.path("low").asDouble()).isLessThan(score.path("estimate").asDouble());
        assertThat(score.path("high").asDouble()).isGreaterThan(score.path("estimate").asDouble());
        assertThat(json.path("prompts").asInt()).isEqualTo(3);
        assertThat(json.path("caution").asText()).startsWith("Of 3 prompts");
        assertThat(json.path("seeds")).hasSize(2);
        assertThat(json.path("judge_sha256").asText())
                .isEqualTo(WeightsHash.of(JUDGE.resolve("model.safetensors")));
        assertThat(json.path("convention").asText()).contains("raw cosine");
    }

    @Test
    void severalModelsComeWithPairedDifferencesToTheFirst() throws IOException {
        Run run =
                Run.of(
                                "score",
                                "--judge",
                                JUDGE,
                                "--model",
                                MODEL,
                                "--model",
                                TinyModels.sd21(),
                                "--prompt",
                                "a cat",
                                "--prompt",
                                "a dog",
                                "--steps",
                                1,
                                "--convention",
                                "x100",
                                "--json")
                        .ok();
        JsonNode json = json(run);
        assertThat(json.path("convention").asText()).contains("100");
        assertThat(json.path("baseline").asText()).isEqualTo("tiny-sd15");
        JsonNode first = json.path("models").get(0);
        JsonNode second = json.path("models").get(1);
        assertThat(first.has("minus_baseline")).isFalse();
        assertThat(second.path("minus_baseline").path("estimate").asDouble())
                .isCloseTo(
                        second.path("score").path("estimate").asDouble()
                                - first.path("score").path("estimate").asDouble(),
                        within(1e-9));
        assertThat(first.path("per_prompt")).hasSize(2);
    }

    @Test
    void conventionsDifferByTheirFactorOnRealPictures() throws IOException {
        String shard = EMOJI + "#provider=noto";
        String[] names = {"raw", "x100", "x2.5"};
        double[] sums = new double[3];
        for (int i = 0; i < 3; i++) {
            JsonNode json =
                    json(
                            Run.of(
                                            "score",
                                            "--judge",
                                            JUDGE,
                                            "--shard",
                                            shard,
                                            "--subjects",
                                            12,
                                            "--convention",
                                            names[i],
                                            "--json")
                                    .ok());
            assertThat(json.path("pictures").asInt()).isEqualTo(12);
            assertThat(json.path("subjects").asInt()).isEqualTo(12);
            sums[i] = json.path("score").path("estimate").asDouble();
        }
        assertThat(sums[1]).isCloseTo(40 * sums[2], within(1e-9));
        // The other conventions count negative cosines as 0.
        assertThat(sums[1]).isGreaterThanOrEqualTo(100 * sums[0] - 1e-9);
    }

    @Test
    void retrievalPutsTheRealPicturesBesideTheDrawnOnes() throws IOException {
        Run run =
                Run.of(
                                "score",
                                "--judge",
                                JUDGE,
                                "--model",
                                MODEL,
                                "--shard",
                                EMOJI,
                                "--provider",
                                "noto",
                                "--retrieval",
                                3,
                                "--subjects",
                                9,
                                "--steps",
                                1,
                                "--json")
                        .ok();
        JsonNode json = json(run);
        assertThat(json.path("subjects").asInt()).isEqualTo(9);
        assertThat(json.path("chance").asDouble()).isCloseTo(1 / 3.0, within(1e-12));
        assertThat(json.path("results")).hasSize(2);
        assertThat(json.path("results").get(0).path("pictures").asText())
                .isEqualTo("real pictures");
        JsonNode drawn = json.path("results").get(1);
        assertThat(drawn.path("pictures").asText()).isEqualTo("tiny-sd15");
        assertThat(drawn.path("top_k").path("total").asInt()).isEqualTo(9);
        assertThat(drawn.path("unet_sha256").asText()).hasSize(64);
    }

    @Test
    void textNamesJudgeConventionPromptsAndSeeds() {
        Run run =
                Run.of(
                                "score",
                                "--judge",
                                JUDGE,
                                "--model",
                                MODEL,
                                "--prompt",
                                "a cat",
                                "--prompt",
                                "a dog",
                                "--seed",
                                "1,2",
                                "--steps",
                                1)
                        .ok();
        assertThat(run.out())
                .contains("CLIP tiny-clip", "weights", "raw cosine", "2 prompts, 2 seeds each")
                .containsPattern("tiny-sd15  -?0\\.\\d{4} \\[-?0\\.\\d{4}, -?0\\.\\d{4}]");
    }

    @Test
    void theAutoencodersReconstructionIsMeasured() throws IOException {
        JsonNode json =
                json(
                        Run.of(
                                        "score",
                                        "--vae",
                                        "--model",
                                        MODEL,
                                        "--shard",
                                        EMOJI + "#provider=noto",
                                        "--subjects",
                                        10,
                                        "--json")
                                .ok());
        assertThat(json.path("pictures").asInt()).isEqualTo(10);
        double mean = json.path("mean_psnr_db").asDouble();
        // Random weights: not much, but of the right order for white pictures with an icon.
        assertThat(mean).isBetween(1.0, 15.0);
        assertThat(json.path("psnr_of_mean_mse_db").asDouble()).isLessThanOrEqualTo(mean);
        assertThat(json.path("worst_psnr_db").asDouble()).isLessThanOrEqualTo(mean);
        assertThat(json.path("vae_sha256").asText()).hasSize(64);
    }

    @Test
    void whatIsMissingIsNamedInOneSentence() throws IOException {
        Path bare = folder.resolve("bare-clip");
        Files.createDirectories(bare);
        try (Stream<Path> files = Files.list(JUDGE)) {
            for (Path f : files.toList()) {
                if (!f.getFileName().toString().equals("preprocessor_config.json")) {
                    Files.copy(f, bare.resolve(f.getFileName()));
                }
            }
        }
        Run.of("score", "--judge", bare, "--shard", EMOJI).fails(1, "preprocessor_config.json");
        Run.of("score", "--judge", folder.resolve("nobody"), "--shard", EMOJI)
                .fails(1, "needs the CLIP folder", "nobody");
        Run.of("score", "--judge", MODEL, "--shard", EMOJI)
                .fails(1, "is a text-to-image model, not a judge", "clip:DIR");
        Run.of("score", "--shard", EMOJI).fails(2, "--judge");
        Run.of("score", "--judge", JUDGE).fails(2, "--shard");
        Run.of("score", "--judge", JUDGE, "--shard", folder.resolve("no.tar"))
                .fails(1, "no.tar", "does not exist");
        Run.of("score", "--judge", JUDGE, "--model", MODEL).fails(2, "no prompts");
        Run.of("score", "--judge", JUDGE, "--prompt", "cat").fails(2, "--model");
        Run.of(
                        "score",
                        "--judge",
                        JUDGE,
                        "--model",
                        folder.resolve("none"),
                        "--prompt",
                        "a",
                        "--prompt",
                        "b")
                .fails(1, "no model", "none; name a folder", "single file");
        Run.of("score", "--judge", JUDGE, "--model", MODEL, "--prompt", "cat")
                .fails(1, "at least two prompts");
        Run.of("score", "--judge", JUDGE, "--model", MODEL, "--prompt", "a", "--prompt", "a")
                .fails(1, "are the same, '");
        Run.of("score", "--vae", "--shard", EMOJI).fails(2, "exactly one --model");
        Run.of("score", "--vae", "--model", folder, "--shard", EMOJI).fails(1, "config.json");
    }

    @ParameterizedTest
    @CsvSource({
        "--convention, x7, 2, use raw",
        "--provider, nobody, 1, no rows of provider 'nobody'",
        "--subjects, 100000, 1, asks for 100000",
        "--retrieval, -1, 2, at least 1",
        "--retrieval, 900, 2, number of subjects"
    })
    void aSettingOutOfRangeIsNamed(String flag, String value, int status, String part) {
        Run.of("score", "--judge", JUDGE, "--shard", EMOJI, flag, value).fails(status, part);
    }
}
