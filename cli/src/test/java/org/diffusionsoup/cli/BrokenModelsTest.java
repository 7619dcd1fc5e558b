package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models whose pictures are no numbers are refused by every command that draws. */
class BrokenModelsTest {
    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // tiny tensors: a second thread only waits
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "unet/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
                "text_encoder/model.safetensors"
            })
    void aModelWithNanDrawsNothing(String weights) throws IOException {
        Path model = TinyModels.broken(folder.resolve("broken"), weights);
        Path out = folder.resolve("picture.png");
        String part = weights.substring(0, weights.indexOf('/'));
        Run.of("generate", "--model", model, "--prompt", "cat", "--steps", 2, "-o", out, "-q")
                .fails(SoupCli.FAILED, "broken cannot draw", part + "/", "1 NaN");
        assertThat(out).doesNotExist();
        Path prompts = Files.writeString(folder.resolve("prompts.txt"), "a cat\na dog\n");
        Run.of(
                        "score",
                        "--judge",
                        TinyModels.clip(),
                        "--model",
                        model,
                        "--prompts",
                        prompts,
                        "--steps",
                        2,
                        "-q")
                .fails(SoupCli.FAILED, "broken cannot draw", part + "/");
    }

    /** Models are not run from eight bits, and the command that is named makes one that is. */
    @ParameterizedTest
    @ValueSource(strings = {"F8_E4M3", "F8_E5M2"})
    void aModelOfEightBitsIsDrawnOnceItIsWiderAsIsSaid(String dtype) {
        Path narrow = folder.resolve("narrow");
        Run.of("merge", TinyModels.sd15(), "--dtype", dtype, "-o", narrow).ok();
        Path out = folder.resolve("picture.png");
        String advice = "soup merge %s --dtype F16 --out %s-f16".formatted(narrow, narrow);
        Object[] draw = {"generate", "--prompt", "cat", "--steps", 2, "-o", out, "--model", narrow};
        Run.of(draw).fails(SoupCli.FAILED, "model.safetensors", dtype, advice);
        assertThat(out).doesNotExist();
        Path shard = TinyTraining.shard(folder.resolve("rows.tar"), 4, 64, "train");
        List<Object> train =
                new ArrayList<>(List.of("train", "--base", narrow, "--shard", shard, "-q"));
        train.addAll(List.of("--out", folder.resolve("trained"), "--steps", 1));
        Run.of(train.toArray()).fails(SoupCli.FAILED, dtype, advice);
        train.add("--dry-run");
        Run.of(train.toArray()).fails(SoupCli.FAILED, dtype, advice);

        Run.of((Object[]) advice.substring("soup ".length()).split(" ")).ok();
        draw[draw.length - 1] = folder.resolve("narrow-f16");
        Run.of(draw).ok();
        assertThat(out).exists();
    }

    @Test
    void aLoraIsNoModelButDrawnWithBesideItsBase() {
        Path lora = TinyModels.lora("attn_procs");
        Path out = folder.resolve("picture.png");
        Run run = Run.of("generate", "--model", lora, "--prompt", "cat", "-o", out, "-q");
        run.fails(SoupCli.FAILED, lora + " holds a LoRA", "as --model and this as --lora");
        assertThat(run.err()).doesNotContain("mean");
    }

    /** A kill is answered by a sentence that says what is kept: nothing. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aScoreThatIsStoppedSaysWhatIsKept() throws Exception {
        Path prompts = Files.writeString(folder.resolve("prompts.txt"), "a cat\na dog\n");
        Path err = folder.resolve("err.txt");
        for (int seconds = 2; ; seconds *= 2) {
            ProcessBuilder builder =
                    new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Main.class.getName(),
                            "score",
                            "--yes",
                            "--judge",
                            TinyModels.clip().toString(),
                            "--model",
                            TinyModels.sd15().toString(),
                            "--prompts",
                            prompts.toString(),
                            "--seeds",
                            "0-400",
                            "--steps",
                            "900");
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            builder.environment().put("OMP_NUM_THREADS", "1");
            Process process = builder.redirectError(err.toFile()).start();
            assertThat(process.waitFor(seconds, TimeUnit.SECONDS)).isFalse();
            process.destroy();
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isNotZero();
            List<String> said = Files.readAllLines(err);
            if (!said.isEmpty() || seconds > 30) { // it had come to the point of drawing
                assertThat(said.getLast())
                        .startsWith("Stopped; nothing is kept of it")
                        .contains("soup evaluate");
                return;
            }
        }
    }

    @Test
    void guidanceThatOverflowsIsNamed() {
        Path out = folder.resolve("picture.png");
        Run.of(
                        "generate",
                        "--model",
                        TinyModels.sd15(),
                        "--prompt",
                        "cat",
                        "--steps",
                        2,
                        "--guidance",
                        "1e30",
                        "-o",
                        out,
                        "-q")
                .fails(SoupCli.FAILED, "tiny-sd15 cannot draw", "--guidance 1.0E30", "smaller");
        assertThat(out).doesNotExist();
    }
}
