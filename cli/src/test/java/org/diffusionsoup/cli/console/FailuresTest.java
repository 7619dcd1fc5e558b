package org.diffusionsoup.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class FailuresTest {
    @Test
    void filesAreNamed() {
        assertThat(Failures.sentence(new NoSuchFileException("a/b")))
                .isEqualTo("there is no file a/b.");
        assertThat(Failures.sentence(new UncheckedIOException(new AccessDeniedException("x"))))
                .isEqualTo("no permission for x.");
        assertThat(
                        Failures.sentence(
                                new FileSystemException("out", null, "No space left on device")))
                .isEqualTo("out: No space left on device");
        assertThat(Failures.sentence(new IOException("broken pipe"))).endsWith("broken pipe");
    }

    @Test
    void aBugSaysThatItIsOne() {
        assertThat(Failures.sentence(new IndexOutOfBoundsException("5\nof 3")))
                .startsWith("internal error (IndexOutOfBoundsException: 5 of 3)")
                .contains("--debug");
    }

    @Test
    void adviceBetweenApostrophesIsNoQuotationToBeCut() {
        String path = "/a".repeat(60);
        String message =
                "Tensor 'x.num_updates' is I32 and differs between %s and %s; on_integers: from_first takes the first's."
                        .formatted(path, path);
        assertThat(Failures.shortened(message)).isEqualTo(message);
        assertThat(Failures.shortened("no '" + "long ".repeat(100) + "' here"))
                .contains("more characters)' here");
    }
}
