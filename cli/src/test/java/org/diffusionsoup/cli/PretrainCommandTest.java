package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup pretrain} on the committed drawings, with few steps. */
class PretrainCommandTest {
    private static final Path DRAWINGS = Path.of("..", "shards", "drawings");

    @TempDir private Path folder;

    @Test
    void aBaseFromNothingDrawsAndIsTrainedOn() throws Exception {
        Path base = folder.resolve("base");
        Run.of(
                        "pretrain",
                        "--drawings",
                        DRAWINGS,
                        "--work",
                        folder.resolve("work"),
                        "--out",
                        base,
                        "--vae-steps",
                        2,
                        "--unet-steps",
                        2,
                        "-q")
                .ok();
        Run.of(
                        "generate",
                        "--model",
                        base,
                        "--prompt",
                        "two red apples on a blue background",
                        "--steps",
                        2,
                        "--seed",
                        1,
                        "-o",
                        folder.resolve("a.png"),
                        "-q")
                .ok();
        Path more = folder.resolve("more");
        Run.of(
                        "pretrain",
                        "--drawings",
                        DRAWINGS,
                        "--work",
                        folder.resolve("w2"),
                        "--out",
                        more,
                        "--from",
                        base,
                        "--vae-steps",
                        0,
                        "--unet-steps",
                        1,
                        "--unet-schedule",
                        "CONSTANT",
                        "-q")
                .ok();
        for (String same : new String[] {"vae/config.json", "tokenizer/vocab.json"}) {
            assertThat(more.resolve(same)).hasSameBinaryContentAs(base.resolve(same));
        }
        String unet = "unet/diffusion_pytorch_model.safetensors";
        assertThat(Files.readAllBytes(more.resolve(unet)))
                .isNotEqualTo(Files.readAllBytes(base.resolve(unet)));
        assertThat(Run.of("inspect", more, "--json").ok().out()).contains("unet_from_sha256");
    }

    /** Before there is a denoiser there is no base, and it says so. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void stoppedInTheAutoencoderItLeavesNoBase() throws Exception {
        Path work = folder.resolve("work");
        Path out = folder.resolve("out");
        Stopped stopped =
                Stopped.when(
                        () -> Files.exists(work.resolve("vae-loss.csv")),
                        folder,
                        "pretrain",
                        "--drawings",
                        DRAWINGS,
                        "--work",
                        work,
                        "--out",
                        out,
                        "--vae-steps",
                        100_000,
                        "--json");
        assertThat(stopped.sentence())
                .contains("are kept in " + work, "nothing was written to " + out);
        assertThat(out).doesNotExist();
    }

    @Test
    void anAutoencoderOfFewerChannelsIsNotTakenOverAsItIs() {
        Run.of(
                        "pretrain",
                        "--drawings",
                        DRAWINGS,
                        "--work",
                        folder.resolve("work"),
                        "--out",
                        folder.resolve("out"),
                        "--from",
                        Path.of("..", "models", "emoji-base"),
                        "--vae-steps",
                        0,
                        "-q")
                .fails(1, "emoji-base makes latents of 4 channels", "works on 8");
        assertThat(folder.resolve("out")).doesNotExist();
    }

    @Test
    void scenesAreShown() {
        Path out = folder.resolve("web.png");
        Run.of("data", "scenes", "--drawings", DRAWINGS, "--tier", "web", "--count", 3, "-o", out)
                .ok();
        assertThat(out).isNotEmptyFile();
        Run.of("data", "scenes", "--drawings", DRAWINGS, "--count", 0, "-o", out)
                .fails(2, "--count");
    }
}
