package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupIoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkFolderTest {
    @TempDir private Path folder;

    @Test
    void isGoneWithAllThatIsInItAndNothingElseIs() throws Exception {
        Path other = Files.writeString(folder.resolve("other"), "stays");
        Path work;
        try (WorkFolder w = WorkFolder.in(folder, ".work-")) {
            work = w.path();
            Files.createDirectories(work.resolve("a/b"));
            Files.writeString(work.resolve("a/b/c"), "goes");
            Files.createSymbolicLink(work.resolve("a/link"), other);
        }
        assertThat(work).doesNotExist();
        assertThat(other).hasContent("stays");
    }

    @Test
    void aPlaceThatIsNotThereIsNamed() {
        Path nowhere = folder.resolve("nowhere");
        assertThatThrownBy(() -> WorkFolder.in(nowhere, "x"))
                .isInstanceOf(SoupIoException.class)
                .hasMessageContaining(nowhere.toString());
    }
}
