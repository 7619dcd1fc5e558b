package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup inspect} on whole, broken and missing models. */
class InspectCommandTest {
    @TempDir private Path folder;

    @Test
    void aFileIsDescribed() throws IOException {
        Path file = Checkpoints.of(folder.resolve("a.safetensors"), 1.5f, 7);
        JsonNode json =
                new ObjectMapper()
                        .readTree(Run.of("inspect", file, "--tensors", "--json").ok().out());
        assertThat(json.path("tensors").asInt()).isEqualTo(2);
        assertThat(json.path("parameters").asInt()).isEqualTo(5);
        JsonNode only = json.path("components").path(0).path("files").path(0);
        assertThat(only.path("sha256").asText()).isEqualTo(Hashes.sha256(file));
        assertThat(only.path("weights_sha256").asText()).isEqualTo(WeightsHash.of(file));
        assertThat(only.path("dtypes").path("I64").asInt()).isEqualTo(1);
        assertThat(only.path("metadata").path("format").asText()).isEqualTo("pt");
        assertThat(only.path("tensors").path(1).path("name").asText()).isEqualTo("w");
        assertThat(only.path("tensors").path(1).path("shape").toString()).isEqualTo("[2,2]");

        String text = Run.of("inspect", file, "--tensors").ok().out();
        assertThat(text).contains("1 F32, 1 I64", Hashes.sha256(file), "[2, 2]");
        assertThat(Run.of("inspect", file, "--no-hash").ok().out()).doesNotContain("sha256");
    }

    @Test
    void aFolderIsDescribedByComponent() {
        String text = Run.of("inspect", TinyModels.sd15()).ok().out();
        assertThat(text)
                .contains("StableDiffusionPipeline", "unet/diffusion_pytorch_model.safetensors")
                .containsPattern("scheduler +PNDMScheduler")
                .containsPattern("vae +diffusion_pytorch_model.safetensors +156 ");
    }

    @Test
    void ourOwnSmallModelsAreCalledSo() throws IOException {
        assertThat(Run.of("inspect", "../models/emoji-base", "--no-hash").ok().out())
                .contains("Diffusion Soup's small model, laid out as Stable Diffusion 2.x");
        assertThat(Run.of("inspect", TinyModels.sd15(), "--no-hash").ok().out())
                .contains("  Stable Diffusion 1.x  ");
    }

    @Test
    void aFileOfOneComponentSaysWhich() {
        Path unet = TinyModels.sd15().resolve("unet/diffusion_pytorch_model.safetensors");
        assertThat(Run.of("inspect", unet, "--no-hash").ok().out())
                .contains("  UNet of Stable Diffusion 1.x  ");
    }

    @Test
    void anUnfinishedTrainingIsToldFromNothingAtAll() throws IOException {
        Path model = folder.resolve("animals");
        Path state = Files.createDirectories(folder.resolve("animals.training"));
        Files.writeString(state.resolve("training-state.safetensors"), "x");
        Path out = folder.resolve("soup");
        for (Run run :
                new Run[] {
                    Run.of("inspect", model),
                    Run.of("verify", model),
                    Run.of("make", model, model, "-o", out),
                    Run.of("merge", TinyModels.sd15(), model, "-o", out),
                    Run.of("generate", "--model", model, "--prompt", "x", "-o", out + ".png")
                }) {
            run.fails(
                    1, "no model " + model + " yet", "animals.training", "same soup train command");
        }
        Run.of("make", state, state, "-o", out)
                .fails(1, "holds the checkpoints of a training", "makes animals");
        assertThat(out).doesNotExist();
        Run.of("make", folder.resolve("none"), model, "-o", out).fails(1, "no such file or folder");
    }

    @Test
    void theRecipeOfASoupIsShown() {
        Path a = Checkpoints.of(folder.resolve("a.safetensors"), 1, 5);
        Path b = Checkpoints.of(folder.resolve("b.safetensors"), 3, 5);
        Path soup = folder.resolve("soup.safetensors");
        Run.of("make", a, b, "-o", soup, "--weights", "3,1").ok();
        assertThat(Run.of("inspect", soup).ok().out())
                .contains("made by Diffusion Soup", Hashes.sha256(a), Hashes.sha256(b), "3/4");
    }

    @Test
    void whatIsBrokenOrMissingIsNamedInOneSentence() throws IOException {
        Path whole = Checkpoints.of(folder.resolve("whole.safetensors"), 1, 1);
        byte[] bytes = Files.readAllBytes(whole);
        for (int length : new int[] {0, 5, 8, 40, bytes.length - 1}) {
            Path cut = folder.resolve("cut" + length + ".safetensors");
            Files.write(cut, Arrays.copyOf(bytes, length));
            Run.of("inspect", cut).fails(1, cut.getFileName().toString());
        }
        Run.of("inspect", folder.resolve("none")).fails(1, "There is no", "none");
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Run.of("inspect", empty).fails(1, "empty is no model");
        Run.of("inspect", whole, "--debug", "--quick").fails(2, "unknown option '--quick'");

        Run debug = Run.of("inspect", folder.resolve("none"), "--debug");
        assertThat(debug.status()).isEqualTo(1);
        assertThat(debug.err()).contains("There is no", "\tat org.diffusionsoup.");
    }
}
