package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where people keep their captions. */
class CaptionFilesTest {
    @TempDir private Path dir;

    private void picture(String name) throws IOException {
        Path file = dir.resolve("in").resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, PngCodec.encode(Pictures.noise(4, 4, name.hashCode())));
    }

    private void text(String name, String text) throws IOException {
        Files.writeString(dir.resolve("in").resolve(name), text);
    }

    private Shard imported(String split) {
        return FolderImporter.importFolder(
                dir.resolve("in"),
                dir.resolve("out.tar"),
                new ImportOptions(
                        "me",
                        "MIT",
                        "other",
                        HoldOut.parse(split),
                        OptionalInt.empty(),
                        ImportOptions.Fit.CROP),
                ProgressListener.NONE);
    }

    @Test
    void captionFilesOfEveryEnding() throws IOException {
        picture("10_square/1.png");
        text("10_square/1.caption", "one");
        picture("x.png");
        text("x.TXT", "two");
        picture("IMG.1.PNG");
        text("IMG.1.Txt", "three");
        assertThat(imported("train").infos())
                .extracting(SampleInfo::caption)
                .containsExactlyInAnyOrder("one", "two", "three");
        text("x.caption", "again");
        assertThatThrownBy(() -> imported("train")).hasMessageContaining("x.png has two captions");
    }

    @Test
    void metadataInASplitsFolder() throws IOException {
        picture("train/1.png");
        picture("train/more/2.png");
        text(
                "train/metadata.jsonl",
                "{\"file_name\": \"1.png\", \"text\": \"one\"}\r\n"
                        + "{\"file_name\": \"more/2.png\", \"text\": \"two\"}\r\n");
        picture("beside.png");
        text("beside.txt", "three");
        assertThat(imported("train").size()).isEqualTo(3);
        picture("train/3.png");
        assertThatThrownBy(() -> imported("train"))
                .hasMessageContaining("3.png has no caption")
                .hasMessageContaining("metadata.jsonl has no row for it");
    }

    @Test
    void linkedFoldersAreFollowedAndBrokenLinksNamed() throws IOException {
        Files.createDirectories(dir.resolve("real"));
        picture("2.png");
        text("2.txt", "two");
        picture("../real/1.png");
        text("../real/1.txt", "one");
        Files.createSymbolicLink(dir.resolve("in/sub"), Path.of("../real"));
        assertThat(imported("train").infos())
                .extracting(SampleInfo::key)
                .containsExactly("me_2", "me_sub_1");
        Path loop = Files.createSymbolicLink(dir.resolve("real/loop"), Path.of("../in"));
        assertThatThrownBy(() -> imported("train")).hasMessageContaining("link back");
        Files.delete(loop);
        Files.createSymbolicLink(dir.resolve("in/3.png"), Path.of("gone.png"));
        assertThatThrownBy(() -> imported("train"))
                .hasMessageContaining("3.png is a link to a file that is not there");
    }

    @Test
    void whatSystemsLeaveIsPassedOver() throws IOException {
        picture("1.png");
        text("1.txt", "one");
        picture(".ipynb_checkpoints/1-checkpoint.png");
        picture("__MACOSX/1.png");
        text("._1.png", "x");
        text("Thumbs.db", "x");
        assertThat(imported("train").size()).isEqualTo(1);
    }

    @Test
    void allMissingCaptionsAreNamedAtOnce() throws IOException {
        for (int i = 10; i < 23; i++) {
            picture(i + ".png");
        }
        assertThatThrownBy(() -> imported("train"))
                .hasMessageContaining("13 pictures (")
                .hasMessageContaining("10.png")
                .hasMessageContaining("and 3 more")
                .hasMessageContaining("have no caption");
    }

    @Test
    void aShareOfTwentyIsExact() throws IOException {
        for (int i = 0; i < 20; i++) {
            picture(i + ".png");
            text(i + ".txt", "caption " + i);
        }
        assertThat(imported("10%").heldOut().size()).isEqualTo(2);
        assertThat(imported("0").heldOut().size()).isZero();
        assertThat(imported("100%").heldOut().size()).isEqualTo(20);
    }

    @Test
    void textWithZeroBytesIsNoCaption() throws IOException {
        picture("1.png");
        text("1.txt", "o\0n\0e\0");
        assertThatThrownBy(() -> imported("train")).hasMessageContaining("not UTF-8");
    }
}
