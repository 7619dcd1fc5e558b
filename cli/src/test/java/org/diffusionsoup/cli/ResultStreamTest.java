package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A result that could not be written is a failure, whatever the command. */
class ResultStreamTest {
    @TempDir private Path folder;

    private static OutputStream failing(String reason) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(reason);
            }
        };
    }

    private static String run(OutputStream out, int expected, Object... args) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        String[] words = new String[args.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = args[i].toString();
        }
        assertThat(Main.run(out, err, words)).isEqualTo(expected);
        return err.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect FILE --json", "inspect FILE", "verify FILE", "--help"})
    void aFullDiskIsSaid(String command) {
        Path file = Checkpoints.of(folder.resolve("a.safetensors"), 1, 1);
        Object[] words = command.replace("FILE", file.toString()).split(" ");
        assertThat(run(failing("No space left on device"), SoupCli.FAILED, words))
                .contains("result could not be written", "No space left on device")
                .hasLineCount(1);
    }

    @Test
    void aClosedPipeIsNotTalkedAboutAndACommandsOwnFailureStays() {
        Path file = Checkpoints.of(folder.resolve("a.safetensors"), 1, 1);
        assertThat(run(failing("Broken pipe"), ResultStream.CLOSED_PIPE, "inspect", file))
                .isEmpty();
        assertThat(run(failing("Broken pipe"), SoupCli.USAGE, "inspect", "--nothing"))
                .contains("unknown option");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(run(out, 0, "inspect", file)).isEmpty();
        assertThat(out.size()).isPositive();
    }
}
