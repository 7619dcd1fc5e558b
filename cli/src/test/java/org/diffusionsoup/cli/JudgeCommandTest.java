package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JudgeCommandTest {
    @TempDir private Path dir;

    @Test
    void questionsAreWrittenAsTifaKeepsThem() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 16, "train");
        Path out = dir.resolve("questions.json");
        Run run = Run.of("judge", "questions", shard, "-o", out).ok();
        assertThat(run.out()).contains("questions.json: ").contains("color");
        assertThat(Files.readString(out))
                .contains("\"caption\" : \"plain square number 0\"")
                .contains("\"element_type\" : \"color\"");
        Run again = Run.of("judge", "questions", shard, "-o", dir.resolve("b"), "--json").ok();
        assertThat(again.out()).contains("\"byElementType\"").contains("\"questions\"");
        assertThat(dir.resolve("b")).hasSameBinaryContentAs(out);
    }

    @Test
    void aTrainedClipJudges() throws IOException {
        Path shard = TinyTraining.shard(dir.resolve("a.tar"), 8, 16, "train");
        Path work = dir.resolve("work");
        Path clip = dir.resolve("clip");
        Run.of(
                        "judge", "train", "clip", "--data", shard, "--work", work, "-o", clip,
                        "--steps", 2, "-q")
                .ok();
        assertThat(Files.readString(work.resolve("clip-loss.csv")).lines()).hasSize(3);
        Run inspected = Run.of("inspect", clip).ok();
        assertThat(inspected.out()).contains("judge train clip").contains("data_sha256");
        Run score = Run.of("score", "--judge", clip, "--shard", shard, "--split", "all").ok();
        assertThat(score.out()).contains("CLIP clip");
    }

    @Test
    void whatCannotBeTrainedIsOneSentence() {
        Path shard = TinyTraining.shard(dir.resolve("h.tar"), 3, 16, "heldout");
        Run.of(
                        "judge",
                        "train",
                        "clip",
                        "--data",
                        shard,
                        "--work",
                        dir.resolve("w"),
                        "-o",
                        dir.resolve("o"),
                        "--steps",
                        1,
                        "-q")
                .fails(1, "has no rows to train on");
        Run.of("judge", "train", "ear", "--data", shard, "--work", "w", "-o", "o").fails(2, "ear");
        Run.of("judge", "train", "clip", "--data", shard, "--work", "w", "-o", "o", "--steps", -1)
                .fails(2, "--steps");
    }
}
