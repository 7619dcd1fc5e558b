package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A command that is stopped says so, whatever else it is told to be silent about. */
@DisabledOnOs(OS.WINDOWS)
class StopTest {
    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    /** A command without a word of its own for it, of which nothing is kept. */
    @Test
    void everyCommandSaysThatItWasStopped() throws Exception {
        Path out = folder.resolve("made");
        Stopped stopped =
                Stopped.when(
                        () -> Files.exists(out.resolve("ingredient-01.safetensors")),
                        folder,
                        "bench",
                        "make-checkpoints",
                        "-o",
                        out,
                        "--count",
                        10_000,
                        "--divisor",
                        512,
                        "--json");
        assertThat(stopped.sentence()).contains(out.toString(), "makes all of them again");
        assertThat(stopped.err()).hasSize(1);

        Path work = folder.resolve("work");
        stopped =
                Stopped.when(
                        () -> Files.exists(work.resolve("registry-ledger")),
                        folder,
                        "bench",
                        "registry",
                        "--work",
                        work,
                        "--shards",
                        100_000,
                        "--quiet");
        assertThat(stopped.sentence()).contains(work.toString(), "begins again");
    }

    /** Work that saves its state is waited for, and says what it saved, with --json too. */
    @Test
    void aTrainingSaysWhereItGoesOn() throws Exception {
        Path tar = TinyTraining.shard(folder.resolve("s.tar"), 6, 16, "train");
        Path out = folder.resolve("trained");
        Path state = folder.resolve("trained.training");
        Stopped stopped =
                Stopped.when(
                        () -> Files.isDirectory(state),
                        folder,
                        "train",
                        "--base",
                        TinyModels.sd15(),
                        "--shard",
                        tar,
                        "--steps",
                        100_000,
                        "--batch",
                        1,
                        "--out",
                        out,
                        "--json");
        assertThat(stopped.sentence()).contains("the same command");
    }
}
