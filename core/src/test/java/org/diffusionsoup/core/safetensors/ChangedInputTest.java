package org.diffusionsoup.core.safetensors;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that change between opening and the end of reading are noticed by name. */
class ChangedInputTest {
    @TempDir Path dir;
    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = file("a.safetensors", 1);
        // In the past, so that a rewrite within the clock's resolution is another time.
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_000_000L));
    }

    private Path file(String name, float value) {
        Path p = dir.resolve(name);
        SafetensorsWriter.write(
                p, Map.of(), List.of(TensorEntry.ofFloats("w", new long[] {2}, value, value)));
        return p;
    }

    private void noticed(TensorSource source, Path changed, String how) {
        assertThatThrownBy(source::checkUnchanged)
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll(changed.toString(), how);
    }

    @Test
    void anUntouchedFilePasses() {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            f.checkUnchanged();
        }
    }

    @Test
    void aRewriteInPlaceIsNoticed() throws IOException {
        byte[] other = Files.readAllBytes(file("b.safetensors", 2));
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            Files.write(file, other, StandardOpenOption.WRITE);
            noticed(f, file, "was written to");
        }
    }

    @Test
    void aRewriteInPlaceWithTheTimeSetBackIsNoticed() throws IOException {
        assumeThat(dir.getFileSystem().supportedFileAttributeViews()).contains("unix");
        byte[] other = Files.readAllBytes(file("b.safetensors", 2));
        FileTime before = Files.getLastModifiedTime(file);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            pauseForTheClock();
            Files.write(file, other, StandardOpenOption.WRITE);
            Files.setLastModifiedTime(file, before);
            noticed(f, file, "was written to");
        }
    }

    /** Kernels take file times from a clock of 1 to 10 ms. */
    private static void pauseForTheClock() {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }

    @Test
    void aReplacementOfTheSameSizeAndTimeIsNoticed() throws IOException {
        Path other = file("b.safetensors", 2);
        Files.setLastModifiedTime(other, Files.getLastModifiedTime(file));
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            Files.move(other, file, StandardCopyOption.ATOMIC_MOVE);
            noticed(f, file, "replaced");
        }
    }

    @Test
    void aTruncationIsNoticedByReadingAndByTheCheck() throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file);
                Arena arena = Arena.ofConfined();
                FileChannel c = FileChannel.open(file, StandardOpenOption.WRITE)) {
            c.truncate(Files.size(file) - 3);
            noticed(f, file, "changed its size");
            assertThatThrownBy(() -> f.read("w", 0, arena.allocate(8)))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContainingAll(file.toString(), "shorter");
        }
    }

    @Test
    void aRemovedFileIsNoticed() throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            Files.delete(file);
            noticed(f, file, "could not be found again");
        }
    }

    @Test
    void ofAShardedSetEveryFileAndTheIndexCount() throws IOException {
        Path index = dir.resolve("m.safetensors.index.json");
        String json = "{\"weight_map\":{\"w\":\"a.safetensors\"}}";
        Files.writeString(index, json);
        Files.setLastModifiedTime(index, FileTime.fromMillis(1_700_000_000_000L));
        try (TensorSource s = Checkpoint.open(index).part("")) {
            s.checkUnchanged();
            Files.writeString(index, json);
            noticed(s, index, "was written to");
        }
        try (TensorSource s = Checkpoint.open(index).part("")) {
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_600_000_000_000L));
            noticed(s, file, "was written to");
        }
    }
}
