package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup score} and {@code soup bench judge} with every kind of judge, on tiny models. */
class ScoreJudgesTest {
    private static final Path BLIP = TinyModels.blip();
    private static final String REWARD = "imagereward:" + BLIP + "/tiny_imagereward.safetensors";
    private static final String VQA = "tifa:" + BLIP + "/tiny_blip_vqa.safetensors";
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

    private Path questions() throws IOException {
        String row =
                """
                {"id": "%s", "caption": "%s", "question": "%s", "choices": ["red", "blue"],
                 "answer": "red", "element_type": "%s"}\
                """;
        return Files.writeString(
                folder.resolve("questions.json"),
                "["
                        + row.formatted("1", "a red cat", "what color is the cat?", "color")
                        + ","
                        + row.formatted("1", "a red cat", "is there a cat?", "animal/human")
                        + ","
                        + row.formatted("2", "a dog", "what color?", "color")
                        + "]");
    }

    private Path head() {
        int width =
                JsonConfig.read(TinyModels.clip().resolve("config.json"))
                        .integer("projection_dim", 0);
        Path file = folder.resolve("head.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(
                        new TensorEntry(
                                "weight",
                                DType.F32,
                                new long[] {1, width},
                                TensorBytes.of(new float[width])),
                        new TensorEntry(
                                "bias",
                                DType.F32,
                                new long[] {1},
                                TensorBytes.of(new float[] {4.5f}))));
        return file;
    }

    @Test
    void tifaDrawsItsCaptionsAndCountsByElementType() throws IOException {
        JsonNode json =
                json(
                        Run.of(
                                        "score",
                                        "--judge",
                                        VQA,
                                        "--questions",
                                        questions(),
                                        "--model",
                                        TinyModels.sd15(),
                                        "--seeds",
                                        "0-1",
                                        "--steps",
                                        1,
                                        "--json")
                                .ok());
        assertThat(json.path("judge").asText()).startsWith("TIFA by BLIP-VQA tiny_blip_vqa");
        assertThat(json.path("judge_sha256").asText())
                .isEqualTo(WeightsHash.of(BLIP.resolve("tiny_blip_vqa.safetensors")));
        assertThat(json.path("prompts").asInt()).isEqualTo(2);
        JsonNode model = json.path("models").get(0);
        JsonNode color = model.path("accuracy_by_type").path("color");
        JsonNode animal = model.path("accuracy_by_type").path("animal/human");
        assertThat(color.path("total").asInt()).isEqualTo(4);
        assertThat(animal.path("total").asInt()).isEqualTo(2);
        // Two questions about the cat, one about the dog, two pictures of each.
        JsonNode each = model.path("per_prompt");
        double right = 4 * each.path("a red cat").asDouble() + 2 * each.path("a dog").asDouble();
        assertThat(right)
                .isCloseTo(color.path("hits").asInt() + animal.path("hits").asInt(), within(1e-9));
    }

    @Test
    void rewardAestheticAndClipAnswersScoreTheSamePrompts() throws IOException {
        String aesthetic = "aesthetic:" + TinyModels.clip() + "," + head();
        for (String judge : List.of(REWARD, aesthetic, "clip:" + TinyModels.clip())) {
            JsonNode json =
                    json(
                            Run.of(
                                            "score",
                                            "--judge",
                                            judge,
                                            "--shard",
                                            EMOJI + "#provider=noto",
                                            "--subjects",
                                            5,
                                            "--json")
                                    .ok());
            assertThat(json.path("subjects").asInt()).isEqualTo(5);
            if (judge.equals(aesthetic)) {
                assertThat(json.path("score").path("estimate").asDouble()).isEqualTo(4.5);
                assertThat(json.path("judge").asText()).startsWith("aesthetic head.safetensors on");
            }
        }
        Run text =
                Run.of(
                                "score",
                                "--judge",
                                "tifa:clip:" + TinyModels.clip(),
                                "--questions",
                                questions(),
                                "--model",
                                TinyModels.sd15(),
                                "--steps",
                                1)
                        .ok();
        assertThat(text.out())
                .contains("TIFA by CLIP tiny-clip", "2 prompts, 1 seed each", "by element type:");
    }

    @Test
    void whatIsWrongIsOneSentence() throws IOException {
        Path bad =
                Files.writeString(
                        folder.resolve("bad.json"),
                        "[{\"id\": \"1\", \"choices\": [\"a\", \"b\"]}]");
        Path model = TinyModels.sd15();
        Run.of("score", "--judge", VQA, "--model", model).fails(1, "--questions FILE");
        Run.of("score", "--judge", VQA, "--questions", bad, "--model", model)
                .fails(1, "bad.json, question 1 of 1: 'caption' is missing");
        Run.of(
                        "score",
                        "--judge",
                        VQA,
                        "--questions",
                        questions(),
                        "--model",
                        model,
                        "--prompt",
                        "a horse",
                        "--prompt",
                        "a cow",
                        "--steps",
                        1)
                .fails(1, "has no question about 'a horse'");
        Run.of("score", "--judge", REWARD, "--questions", bad, "--shard", EMOJI)
                .fails(1, "is for a tifa judge");
        Run.of("score", "--judge", REWARD, "--convention", "x100", "--shard", EMOJI)
                .fails(1, "leave --convention out");
        Run.of("score", "--judge", REWARD, "--retrieval", 3, "--shard", EMOJI)
                .fails(2, "give a CLIP");
        Run.of("score", "--judge", "aesthetic:" + TinyModels.clip(), "--shard", EMOJI)
                .fails(1, "aesthetic:DIR,HEAD");
        Run.of("score", "--judge", "imagereward:" + folder.resolve("none.pt"), "--shard", EMOJI)
                .fails(1, "none.pt");
    }

    @Test
    void benchJudgeTellsPicturesPerSecondAndMemory() throws IOException {
        JsonNode json =
                json(
                        Run.of(
                                        "bench",
                                        "judge",
                                        "--judge",
                                        REWARD,
                                        "--judge",
                                        VQA,
                                        "--questions",
                                        questions(),
                                        "--pictures",
                                        64,
                                        "--size",
                                        32,
                                        "--json")
                                .ok());
        assertThat(json).hasSize(2);
        for (JsonNode row : json) {
            assertThat(row.path("pictures").asInt()).isEqualTo(64);
            assertThat(row.path("picturesPerSecond").asDouble()).isPositive();
            if (Files.isReadable(Path.of("/proc/self/status"))) {
                assertThat(row.path("startMiB").asDouble()).isGreaterThan(10);
                assertThat(row.path("endMiB").asDouble()).isGreaterThan(10);
            }
        }
        Run.of("bench", "judge").fails(2, "--judge");
    }
}
