package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files whose writing is cut short by somebody else. */
class UnfinishedTest {
    @TempDir private Path folder;

    /** Writes half a file, and ever more into a folder, until it is ended. */
    static final class Writer {
        private Writer() {}

        public static void main(String[] words) throws InterruptedException {
            Path folder = Path.of(words[0]);
            Thread other =
                    new Thread(() ->
                            AtomicFiles.writeFolder(
                                    folder.resolve("made"),
                                    temp -> {
                                        Files.writeString(temp.resolve("a"), "half");
                                        for (int i = 0; ; i++) { // until there is no folder
                                            Files.writeString(temp.resolve("more" + i), "half");
                                            LockSupport.parkNanos(100_000);
                                        }
                                    }));
            other.setDaemon(true);
            other.start();
            AtomicFiles.write(
                    folder.resolve("file"),
                    channel -> {
                        channel.write(ByteBuffer.wrap("half".getBytes(StandardCharsets.UTF_8)));
                        sleep();
                    });
        }

        private static void sleep() {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void aProgramThatIsAskedToEndLeavesNothingHidden() throws Exception {
        Process writer =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                Writer.class.getName(),
                                folder.toString())
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try {
            for (int i = 0; i < 600 && !bothBegun(); i++) {
                Thread.sleep(50);
            }
            assertThat(bothBegun()).isTrue();
        } finally {
            writer.destroy(); // as Ctrl-C and kill do
        }
        assertThat(writer.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(names()).isEmpty();
    }

    private boolean bothBegun() throws IOException {
        for (String name : names()) {
            Path p = folder.resolve(name);
            if (Files.isDirectory(p) && !Files.exists(p.resolve("a"))) {
                return false;
            }
        }
        return names().size() == 2;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.map(p -> p.getFileName().toString()).toList();
        }
    }

    @Test
    void ofTwoThatMakeTheSameFileTheSecondFails() throws IOException {
        Path file = folder.resolve("file");
        assertThatThrownBy(() ->
                        AtomicFiles.writeNew(
                                file,
                                channel -> {
                                    channel.write(ByteBuffer.wrap(new byte[] {2}));
                                    Files.write(file, new byte[] {1}); // somebody else, meanwhile
                                }))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("was made by somebody else meanwhile");
        assertThat(file).hasBinaryContent(new byte[] {1});
        assertThat(names()).containsExactly("file");
        Path other = folder.resolve("other");
        AtomicFiles.writeNew(other, channel -> channel.write(ByteBuffer.wrap(new byte[] {3})));
        assertThat(other).hasBinaryContent(new byte[] {3});
        assertThat(names()).containsExactlyInAnyOrder("file", "other");
    }
}
