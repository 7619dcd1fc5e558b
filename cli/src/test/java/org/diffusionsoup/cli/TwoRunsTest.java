package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two runs of one command with one place to work in: the second is refused at its start. */
class TwoRunsTest {
    @TempDir private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @Test
    void theSecondIsRefusedAtItsStart() throws IOException {
        Path shard = TinyTraining.shard(folder.resolve("squares.tar"), 3, 16, "train");
        Path out = folder.resolve("out");
        refused(
                folder.resolve("out.training"),
                "train",
                "--base",
                TinyTraining.BASE,
                "--shard",
                shard,
                "--out",
                out);
        Path work = folder.resolve("work");
        refused(work, "pretrain", "--work", work, "--out", out);
        refused(work, "judge", "train", "clip", "--data", shard, "--work", work, "-o", out);
        refused(out, "demo", "--quick", "--out", out);
        Path recipe = Files.writeString(folder.resolve("r.yaml"), "models: {}\n");
        refused(out, "evaluate", recipe, "-o", out);
        Path shared = folder.resolve("shared"); // by evaluations with folders of their own
        refused(shared, "evaluate", recipe, "-o", out, "--cache", shared);
        assertThat(out).doesNotExist();
    }

    private static void refused(Path held, Object... command) {
        try (FolderLock other = FolderLock.hold(held)) {
            Run.of(command).fails(1, held.getFileName() + " is in use by another run");
        }
        assertThat(held).doesNotExist();
    }

    /** What has come to the place of the model meanwhile stays, and so does the training. */
    @Test
    void aFinishedTrainingIsNotLostToAModelThatAppeared() throws IOException {
        Path shard = TinyTraining.shard(folder.resolve("squares.tar"), 3, 16, "train");
        Path out = folder.resolve("food");
        FineTuneRequest request =
                new FineTuneRequest(
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        out,
                        FineTuneRequest.embeddedDefaults(3, 1).withBatch(1),
                        0,
                        0,
                        false);
        AtomicInteger asked = new AtomicInteger();
        FineTuner overtaken =
                new FineTuner(
                        request,
                        Progress.silent(),
                        () -> {
                            if (asked.incrementAndGet() == 2) {
                                write(out.resolve("mine.txt"));
                            }
                            return false;
                        });
        assertThatThrownBy(overtaken::run)
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("food was made by somebody else while this training ran")
                .hasMessageContaining("finished training is in " + request.stateFolder())
                .hasMessageContaining("same command again");
        assertThat(out).isDirectoryContaining("glob:**/mine.txt");
        assertThat(request.stateFolder()).isDirectory();

        Files.move(out, folder.resolve("away"));
        Optional<FineTuner.Result> rest =
                new FineTuner(request, Progress.silent(), () -> false).run();
        assertThat(rest.orElseThrow().resumedFrom()).isEqualTo(3);
        assertThat(request.stateFolder()).doesNotExist();
    }

    private static void write(Path file) {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, "mine");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
