package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.data.Shard;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code soup train} says of the captions it is given. */
class TrainCaptionsTest {
    @TempDir private Path temp;

    private Run train(Path shard) {
        return Run.of(
                "train",
                "--base",
                TinyTraining.BASE,
                "--shard",
                shard,
                "--out",
                temp.resolve("ingredient"),
                "--steps",
                1,
                "--batch",
                1,
                "--force");
    }

    @Test
    void captionsThatTheTextEncoderCutsAreCounted() throws IOException {
        Path squares = TinyTraining.shard(temp.resolve("squares.tar"), 3, 16, "train");
        assertThat(train(squares).ok().err()).doesNotContain("tokens");

        Path folder = Files.createDirectory(temp.resolve("pictures"));
        for (String name : new String[] {"long", "short"}) {
            Files.write(folder.resolve(name + ".png"), Shard.open(squares).get(0).png());
        }
        Files.writeString(folder.resolve("long.txt"), "red apple ".repeat(60));
        Files.writeString(folder.resolve("short.txt"), "red apple");
        Path shard = temp.resolve("pictures.tar");
        Run.of("data", "import", folder, "--out", shard, "--provider", "me", "--licence", "CC0-1.0")
                .ok();
        assertThat(train(shard).ok().err())
                .contains(
                        "1 of 2 captions is longer than the 77 tokens that the text encoder reads"
                                + " (the first is row me_long's)");
    }
}
