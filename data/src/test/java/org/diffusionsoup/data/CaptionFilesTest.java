package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import javax.imageio.ImageIO;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
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

    /** In folders and in tars, in whatever format a picture is stored. */
    @Test
    void equalPicturesStayTogether() throws IOException {
        for (int i = 0; i < 40; i++) {
            RgbImage same = Pictures.noise(4, 4, i / 2);
            Path file = dir.resolve("in").resolve(i + (i % 2 == 0 ? ".png" : ".bmp"));
            Files.createDirectories(file.getParent());
            ImageIO.write(same.toBufferedImage(), i % 2 == 0 ? "png" : "bmp", file.toFile());
            text(i + ".txt", "caption " + i);
        }
        for (int percent : new int[] {10, 30, 50, 75}) {
            Shard shard = imported(percent + "%");
            assertThat(shard.heldOut().size()).isEqualTo(40 * percent / 100);
            assertTogether(shard, 20);
            imported("train");
            Files.move(
                    dir.resolve("out.tar"),
                    dir.resolve("all.tar"),
                    StandardCopyOption.REPLACE_EXISTING);
            Shard again =
                    FolderImporter.importFolder(
                            dir.resolve("all.tar"),
                            dir.resolve("again.tar"),
                            new ImportOptions(
                                    "me",
                                    "MIT",
                                    "other",
                                    new HoldOut(percent),
                                    OptionalInt.empty(),
                                    ImportOptions.Fit.CROP),
                            ProgressListener.NONE);
            assertThat(again.heldOut().size()).isEqualTo(40 * percent / 100);
            assertTogether(again, 20);
        }
    }

    private static void assertTogether(Shard shard, int pictures) {
        Set<String> train = new HashSet<>();
        Set<String> heldOut = new HashSet<>();
        shard.samples()
                .forEach(s ->
                        (s.info().isTrain() ? train : heldOut)
                                .add(Arrays.toString(s.image().pixels())));
        assertThat(train).doesNotContainAnyElementsOf(heldOut);
        assertThat(train.size() + heldOut.size()).isEqualTo(pictures);
    }

    @Test
    void aPictureEqualToOneThatIsStatedToBeHeldOutIsHeldOut() {
        List<HoldOut.Row> rows =
                List.of(
                        new HoldOut.Row("a", "p", Optional.empty()),
                        new HoldOut.Row("b", "p", Optional.of(Split.HELDOUT)),
                        new HoldOut.Row("c", "q", Optional.empty()));
        assertThat(HoldOut.NONE.sides(rows))
                .containsExactly(Split.HELDOUT, Split.HELDOUT, Split.TRAIN);
        assertThat(new HoldOut(100).sides(rows)).containsOnly(Split.HELDOUT);
    }

    @Test
    void textWithZeroBytesIsNoCaption() throws IOException {
        picture("1.png");
        text("1.txt", "o\0n\0e\0");
        assertThatThrownBy(() -> imported("train")).hasMessageContaining("not UTF-8");
    }
}
