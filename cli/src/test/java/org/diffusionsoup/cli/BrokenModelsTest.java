package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
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
