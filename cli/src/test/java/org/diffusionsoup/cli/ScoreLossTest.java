package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code soup score --loss} with the embedded base and the committed emoji. */
class ScoreLossTest {
    private static final Path ROOT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();
    private static final Path BASE = ROOT.resolve("models/emoji-base");
    private static final String EMOJI = ROOT.resolve("shards/emoji") + "#provider=noto";

    @TempDir private Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    private static Run loss(Object... more) {
        List<Object> words = new ArrayList<>(List.of("score", "--loss", "--shard", EMOJI));
        words.addAll(List.of("--subjects", 12, "--draws", 4));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.ok().out());
    }

    @Test
    void modelsAreComparedWithTheFirstOnHeldOutPictures() throws IOException {
        // A few steps at far too high a rate on noisy squares: worse at drawings than the base.
        Path squares = TinyTraining.shard(temp.resolve("squares.tar"), 4, 64, "train");
        Path spoilt = temp.resolve("spoilt");
        Run.of(
                        "train",
                        "--base",
                        BASE,
                        "--shard",
                        squares,
                        "--out",
                        spoilt,
                        "--steps",
                        3,
                        "--batch",
                        2,
                        "--lr",
                        "3e-3",
                        "--keep-every",
                        2,
                        "-q")
                .ok();
        Path kept = temp.resolve("spoilt-step000002");
        Run run = loss("--model", BASE, "--model", kept, "--model", spoilt, "--json");
        JsonNode json = json(run);
        assertThat(json.path("pictures").asInt()).isEqualTo(12);
        assertThat(json.path("draws").asInt()).isEqualTo(4);
        assertThat(json.path("baseline").asText()).isEqualTo("emoji-base");
        assertThat(json.path("best").asText()).isEqualTo("emoji-base");
        assertThat(json.path("caution").asText()).contains("pictures bootstrap intervals");
        JsonNode base = json.at("/models/0");
        assertThat(base.path("target").asText()).isEqualTo("v_prediction");
        assertThat(base.path("unet_sha256").asText())
                .isEqualTo(
                        WeightsHash.of(BASE.resolve("unet/diffusion_pytorch_model.safetensors")));
        assertThat(base.has("minus_baseline")).isFalse();
        // A model that predicted nothing would have about 1.
        assertThat(base.at("/loss/estimate").asDouble()).isBetween(.02, .6);
        assertThat(base.path("by_timestep")).hasSize(4);
        assertThat(base.path("per_picture")).hasSize(12);
        for (int i = 1; i < 3; i++) {
            JsonNode m = json.at("/models/" + i);
            assertThat(m.at("/minus_baseline/low").asDouble()).isPositive();
            assertThat(m.at("/minus_baseline/target").asText()).isEqualTo("v_prediction");
            assertThat(m.at("/minus_baseline/estimate").asDouble())
                    .isCloseTo(
                            m.at("/loss/estimate").asDouble()
                                    - base.at("/loss/estimate").asDouble(),
                            within(1e-9));
        }

        Run text = loss("--model", BASE, "--model", spoilt).ok();
        assertThat(text.out())
                .contains(
                        "denoising loss on 12 pictures of",
                        "4 draws each",
                        "lower is better",
                        "velocity (v_prediction)",
                        "below all others: emoji-base")
                .containsPattern("emoji-base +0\\.\\d{4} \\[0\\.\\d{4}, 0\\.\\d{4}]")
                .containsPattern("spoilt +\\d\\.\\d{4} \\[.*]  to emoji-base: \\+0?");
        assertThat(text.out()).contains("%.4f [".formatted(base.at("/loss/estimate").asDouble()));
    }

    @Test
    void modelsWithAnotherAutoencoderHaveTheirLossButNoDifference() throws IOException {
        Run run = loss("--model", TinyModels.sd15(), "--model", TinyModels.sd21());
        run.ok();
        assertThat(run.out())
                .contains("of the noise (epsilon)", "of the velocity (v_prediction)")
                .contains("not comparable with the first: another autoencoder");
        JsonNode json =
                json(loss("--model", TinyModels.sd15(), "--model", TinyModels.sd21(), "--json"));
        assertThat(json.at("/models/1/not_comparable").asText()).contains("autoencoder");
        assertThat(json.at("/models/1").has("minus_baseline")).isFalse();
        assertThat(json.has("best")).isFalse();
    }

    @Test
    void picturesOfAnotherSizeAreNotedAndOnesThatDoNotFitRefused() {
        Path model = TinyModels.sd15();
        Path small = TinyTraining.shard(temp.resolve("small.tar"), 3, 16, "heldout");
        Run run = Run.of("score", "--loss", "--model", model, "--shard", small).ok();
        assertThat(run.err()).contains("3 of 3 pictures are not 64×64 pixels");
        Path odd = TinyTraining.shard(temp.resolve("odd.tar"), 3, 20, "heldout");
        Run.of("score", "--loss", "--model", model, "--shard", odd, "-q")
                .fails(1, "odd", "divisible by 16");
        Path one = TinyTraining.shard(temp.resolve("one.tar"), 1, 16, "heldout");
        Run.of("score", "--loss", "--model", model, "--shard", one, "-q")
                .fails(1, "at least two pictures");
    }

    @ParameterizedTest
    @CsvSource({
        "--judge, models/emoji-clip, 2, --judge",
        "--prompt, a cat, 2, --prompt",
        "--guidance, 1, 2, --guidance",
        "--seeds, 0-1, 2, one --seed",
        "--draws, 0, 2, --draws must be at least 1"
    })
    void whatMakesNoSenseIsNamed(String flag, String value, int status, String part) {
        Run.of("score", "--loss", "--model", BASE, "--shard", EMOJI, flag, value, "-q")
                .fails(status, part);
    }

    @Test
    void whatIsMissingIsNamed() {
        Run.of("score", "--loss", "--model", BASE).fails(2, "missing --shard");
        Run.of("score", "--loss", "--shard", EMOJI).fails(2, "missing --model");
        Run.of("score", "--draws", 4, "--model", BASE).fails(2, "--draws goes with --loss");
        Run.of("score", "--loss", "--model", temp.resolve("no"), "--shard", EMOJI, "-q")
                .fails(1, "no model ");
    }
}
