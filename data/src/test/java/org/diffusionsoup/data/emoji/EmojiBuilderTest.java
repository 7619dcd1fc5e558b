package org.diffusionsoup.data.emoji;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Dataset;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmojiBuilderTest {
    private static final Path PACKAGES = Path.of("src", "test", "resources", "emoji-packages");
    private static final Path COMMITTED = Path.of("..", "shards", "emoji");

    @TempDir Path dir;

    private EmojiBuilder.Report build(Path out) {
        return EmojiBuilder.build(new EmojiSources(PACKAGES), out, ProgressListener.NONE);
    }

    @Test
    void keepsOneOfEachFamilyThatThreeSetsDrew() {
        EmojiBuilder.Report report = build(dir.resolve("e"));
        Shard all = Dataset.open(dir.resolve("e")).all();
        // Left out: the flag, the man firefighter, and the shovel, which two sets drew.
        assertThat(new TreeSet<>(all.infos().stream().map(SampleInfo::subject).toList()))
                .containsExactly(
                        "automobile",
                        "backhand index pointing right",
                        "dog face",
                        "firefighter",
                        "grinning face",
                        "pink heart",
                        "red apple",
                        "splatter",
                        "thumbs up");
        assertThat(report.subjects()).isEqualTo(9);
        assertThat(report.rows()).isEqualTo(all.size());
        // A line drawing of a pink heart would not be pink.
        assertThat(all.infos()).extracting(SampleInfo::key).doesNotContain("lineart_pink-heart");
        SampleInfo apple = all.filter(i -> i.key().equals("noto_red-apple")).infos().getFirst();
        assertThat(apple.caption()).startsWith("noto red apple");
        assertThat(apple.domain()).isEqualTo("food");
        assertThat(apple.subgroup()).isEqualTo("food-fruit");
    }

    @Test
    void twoBuildsGiveTheSameBytes() throws IOException {
        build(dir.resolve("a"));
        build(dir.resolve("b"));
        // A second build into the same folder replaces it.
        build(dir.resolve("b"));
        try (var files = Files.list(dir.resolve("a"))) {
            List<Path> listed = files.toList();
            assertThat(listed).hasSizeGreaterThan(6);
            for (Path file : listed) {
                assertThat(dir.resolve("b").resolve(file.getFileName()))
                        .hasSameBinaryContentAs(file);
            }
        }
        try (var files = Files.list(dir)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder("a", "b");
        }
    }

    /** The committed shards were made by this code: the same drawings give the same pictures. */
    @Test
    void picturesAreThoseOfTheCommittedShards() {
        build(dir.resolve("e"));
        Shard committed = Dataset.open(COMMITTED).all();
        Shard built = Dataset.open(dir.resolve("e")).all();
        int compared = 0;
        for (int i = 0; i < built.size(); i++) {
            String key = built.get(i).key();
            Shard same = committed.filter(info -> info.key().equals(key));
            assertThat(same.size()).as(key).isEqualTo(1);
            assertThat(difference(built.get(i).image(), same.get(0).image()))
                    .as("mean difference of %s in 0..255", key)
                    .isLessThan(0.5);
            compared++;
        }
        assertThat(compared).isGreaterThan(30);
    }

    @Test
    void aFolderThatIsNoDatasetIsNotReplaced() throws IOException {
        Path mine = Files.createDirectories(dir.resolve("mine"));
        Files.writeString(mine.resolve("letter.txt"), "dear");
        assertThatThrownBy(() -> build(mine))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("is not a data set");
        assertThat(mine.resolve("letter.txt")).hasContent("dear");
        assertThat(dir.resolve("mine.partial")).doesNotExist();
    }

    @Test
    void aMissingPackageIsNamed() {
        assertThatThrownBy(() -> new EmojiSources(dir))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("@iconify-json/noto");
    }

    private static double difference(RgbImage a, RgbImage b) {
        long sum = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            sum += Math.abs((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff));
        }
        return (double) sum / a.pixels().length;
    }
}
