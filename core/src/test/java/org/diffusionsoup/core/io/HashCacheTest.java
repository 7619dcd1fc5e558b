package org.diffusionsoup.core.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.soup.SoupAdjuster;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A remembered hash is that of the file that is there, not of one that was there. */
class HashCacheTest {
    private static final FileTime TIME = FileTime.fromMillis(1_700_000_000_000L);
    private static final int AT_REST_MILLIS = 2_100;

    @TempDir Path dir;

    private HashCache cache = HashCache.none();

    @BeforeEach
    void needsChangeTimes() {
        assumeThat(dir.getFileSystem().supportedFileAttributeViews()).contains("unix");
        cache = HashCache.in(dir.resolve("cache"));
    }

    @Test
    void anotherContentOfTheSameSizeTimeAndInodeIsHashedAnew() throws Exception {
        Path file = write("m", "one");
        rest();
        assertThat(cache.sha256(file)).isEqualTo(Hashes.sha256(file));
        assertThat(cache.knows(file)).isTrue();
        Object inode = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        write("m", "two");
        assertThat(Files.readAttributes(file, BasicFileAttributes.class).fileKey())
                .isEqualTo(inode);
        assertThat(cache.knows(file)).isFalse();
        assertThat(cache.sha256(file)).isEqualTo(Hashes.sha256(file));
    }

    @Test
    void anEntryOfTheFormWithoutChangeTimesIsNotBelieved() throws Exception {
        Path file = write("m", "one").toRealPath();
        BasicFileAttributes a = Files.readAttributes(file, BasicFileAttributes.class);
        String stamp =
                "%d %d %s %s"
                        .formatted(
                                a.size(),
                                a.lastModifiedTime().to(TimeUnit.NANOSECONDS),
                                a.fileKey(),
                                file);
        Files.createDirectories(dir.resolve("cache"));
        Files.writeString(
                dir.resolve("cache")
                        .resolve(
                                Hashes.sha256Hex(file.toString().getBytes(StandardCharsets.UTF_8))),
                "0".repeat(64) + " " + stamp + "\n");
        assertThat(cache.knows(file)).isFalse();
        assertThat(cache.sha256(file)).isEqualTo(Hashes.sha256(file));
    }

    /** What stood under an ingredient's name later was taken out of the sum in its place. */
    @Test
    void anIngredientThatWasReplacedIsNotTakenOutOfASum() throws Exception {
        Path a = model("a", 1);
        Path m = model("m", 2);
        rest();
        SoupOptions options = SoupOptions.DEFAULT.withHashes(cache);
        Path soup = dir.resolve("soup.safetensors");
        Souper.with(options.withKeepSum(true))
                .make(List.of(SoupIngredient.of(a), SoupIngredient.of(m)), soup);
        model("m", 3);
        Path rest = dir.resolve("rest.safetensors");
        var request = new SoupAdjuster.Request(soup, List.of(m), List.of(), rest);
        assertThatThrownBy(() -> new SoupAdjuster(options).exactly(request))
                .hasMessageContaining(m + " is not in the sum");
        assertThat(rest).doesNotExist();

        Path again = dir.resolve("again.safetensors");
        Souper.with(options).make(List.of(SoupIngredient.of(a), SoupIngredient.of(m)), again);
        try (SafetensorsFile f = SafetensorsFile.open(again)) {
            assertThat(f.metadata().toString()).contains(Hashes.sha256(m));
        }
    }

    private static void rest() throws InterruptedException {
        Thread.sleep(AT_REST_MILLIS);
    }

    private Path write(String name, String content) throws IOException {
        Path file = dir.resolve(name);
        Files.writeString(file, content);
        return Files.setLastModifiedTime(file, TIME);
    }

    private Path model(String name, float value) throws IOException {
        Path made = dir.resolve("new");
        SafetensorsWriter.write(
                made,
                Map.of(),
                List.of(
                        new TensorEntry(
                                "t",
                                DType.F32,
                                new long[] {1},
                                TensorBytes.of(MemorySegment.ofArray(new float[] {value})))));
        Path file = dir.resolve(name + ".safetensors");
        Files.write(file, Files.readAllBytes(made)); // in place: the inode stays
        Files.delete(made);
        return Files.setLastModifiedTime(file, TIME);
    }
}
