package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardTest {
    @TempDir Path dir;

    private final List<Sample> rows =
            List.of(
                    Pictures.sample("b", "noto", "food", Split.TRAIN),
                    Pictures.sample("a", "noto", "animals", Split.HELDOUT),
                    Pictures.sample("c", "fluent", "food", Split.TRAIN));

    @Test
    void rowsComeBackSortedAndWhole() {
        Path tar = dir.resolve("x.tar");
        ShardWriter.write(tar, rows);
        Shard shard = Shard.open(tar);
        assertThat(shard.name()).isEqualTo("x");
        assertThat(shard.infos())
                .containsExactly(rows.get(1).info(), rows.get(0).info(), rows.get(2).info());
        assertThat(shard.get(1).png()).isEqualTo(rows.get(0).png());
        assertThat(shard.get(1).image()).isEqualTo(rows.get(0).image());
        assertThat(shard.train().size()).isEqualTo(2);
        assertThat(shard.heldOut().infos()).extracting(SampleInfo::key).containsExactly("a");
    }

    @Test
    void bytesDoNotHangOnTheOrderOfTheRows() throws Exception {
        ShardWriter.write(dir.resolve("x.tar"), rows);
        ShardWriter.write(dir.resolve("y.tar"), rows.reversed());
        assertThat(dir.resolve("x.tar")).hasSameBinaryContentAs(dir.resolve("y.tar"));
        assertThat(Shard.open(dir.resolve("x.tar")).sha256())
                .isEqualTo(Shard.open(dir.resolve("y.tar")).sha256());
    }

    @Test
    void theHashOfTextsIsThatOfWhatIsLearntAndDrawn() {
        SampleInfo i = rows.getFirst().info();
        String hash = textsOf(i);
        assertThat(hash).isNotEqualTo(textsOf(with(i, i.key(), "another", i.name(), "p")));
        // The hash of contents leaves names out, by which audits draw.
        SampleInfo renamed = with(i, i.key(), i.caption(), "another", i.provider());
        assertThat(hash).isNotEqualTo(textsOf(renamed));
        assertThat(hash).isEqualTo(textsOf(with(i, "zz", i.caption(), i.name(), "p")));
        ShardWriter.write(dir.resolve("x.tar"), rows);
        Shard all = Shard.open(dir.resolve("x.tar"));
        assertThat(all.textsSha256()).isNotEqualTo(all.train().textsSha256());
    }

    private String textsOf(SampleInfo first) {
        Path tar = dir.resolve("texts.tar");
        Sample picture = rows.getFirst();
        ShardWriter.write(tar, List.of(new Sample(first, picture.png()), rows.get(1), rows.get(2)));
        return Shard.open(tar).textsSha256();
    }

    private static SampleInfo with(
            SampleInfo i, String key, String caption, String name, String provider) {
        return new SampleInfo(
                key,
                caption,
                name,
                i.style(),
                i.subject(),
                provider,
                i.licence(),
                i.group(),
                i.subgroup(),
                i.domain(),
                i.split(),
                i.sha256());
    }

    @Test
    void contentHashTellsCaptionsApart() {
        ShardWriter.write(dir.resolve("x.tar"), rows);
        Sample first = rows.getFirst();
        SampleInfo i = first.info();
        SampleInfo other =
                new SampleInfo(
                        i.key(),
                        "another",
                        i.name(),
                        i.style(),
                        i.subject(),
                        i.provider(),
                        i.licence(),
                        i.group(),
                        i.subgroup(),
                        i.domain(),
                        i.split(),
                        i.sha256());
        ShardWriter.write(
                dir.resolve("y.tar"),
                List.of(new Sample(other, first.png()), rows.get(1), rows.get(2)));
        assertThat(Shard.open(dir.resolve("x.tar")).sha256())
                .isNotEqualTo(Shard.open(dir.resolve("y.tar")).sha256());
    }

    /** GNU tar is the outside judge of the container, in both directions. */
    @Test
    void systemTarReadsAndWritesTheSame() throws Exception {
        Path tar = dir.resolve("x.tar");
        ShardWriter.write(tar, rows);
        Path extracted = Files.createDirectories(dir.resolve("out"));
        run("tar", "-xf", tar.toString(), "-C", extracted.toString());
        assertThat(Files.readAllBytes(extracted.resolve("c.png"))).isEqualTo(rows.get(2).png());
        for (String format : List.of("ustar", "gnu", "pax")) {
            Path again = dir.resolve(format + ".tar");
            run("tar", "--format=" + format, "-cf", again.toString(), "-C", dir.toString(), "out");
            assertThat(Shard.open(again).sha256()).isEqualTo(Shard.open(tar).sha256());
        }
    }

    @Test
    void takesWebDatasetRowsWithPlainText() throws Exception {
        Path folder = Files.createDirectories(dir.resolve("w"));
        String name = "n".repeat(120);
        Files.write(folder.resolve(name + ".png"), rows.getFirst().png());
        Files.writeString(folder.resolve(name + ".txt"), "a thing\n");
        run("tar", "--format=gnu", "-cf", dir + "/w.tar", "-C", dir.toString(), "w");
        SampleInfo info = Shard.open(dir.resolve("w.tar")).infos().getFirst();
        assertThat(info.key()).startsWith("w_nnnn").hasSize(77);
        assertThat(info.caption()).isEqualTo("a thing");
        assertThat(info.prompt()).isEqualTo("a thing");
        assertThat(info.isTrain()).isTrue();
    }

    @Test
    void everyCutOffLengthIsRefused() throws Exception {
        Path tar = dir.resolve("x.tar");
        ShardWriter.write(tar, rows);
        byte[] whole = Files.readAllBytes(tar);
        Path cut = dir.resolve("cut.tar");
        for (int length = 0; length <= whole.length - 1024; length += 97) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Shard.open(cut))
                    .as("cut to %d bytes", length)
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("cut.tar");
        }
    }

    @Test
    void aFlippedBitInHeaderOrPictureIsRefused() throws Exception {
        Path tar = dir.resolve("x.tar");
        ShardWriter.write(tar, rows);
        byte[] whole = Files.readAllBytes(tar);
        byte[] header = whole.clone();
        header[3] ^= 1;
        Files.write(tar, header);
        assertThatThrownBy(() -> Shard.open(tar)).hasMessageContaining("header checksum");
        byte[] picture = whole.clone();
        // Entries are a.json (one block and header), then a.png: its data starts at block 3.
        picture[3 * 512 + 40] ^= 1;
        Files.write(tar, picture);
        assertThatThrownBy(() -> Shard.open(tar))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("row a")
                .hasMessageContaining("damaged");
    }

    @Test
    void missingZeroRowAndTwiceNamedShardsAreRefused() {
        assertThatThrownBy(() -> Shard.open(dir.resolve("none.tar")))
                .hasMessageContaining("none.tar does not exist");
        assertThatThrownBy(() -> Shard.open(Path.of("/dev/null")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("/dev/null is no file; give the path of a .tar");
        assertThatThrownBy(() -> ShardWriter.write(dir.resolve("z.tar"), List.of()))
                .hasMessageContaining("zero rows");
        assertThatThrownBy(() ->
                        ShardWriter.write(
                                dir.resolve("z.tar"), List.of(rows.getFirst(), rows.getFirst())))
                .hasMessageContaining("two rows with the key b");
        assertThat(dir).isEmptyDirectory();
    }

    @Test
    void aTarWithoutRowsIsRefused() throws Exception {
        Path tar = dir.resolve("zero.tar");
        Files.write(tar, new byte[1024]);
        assertThatThrownBy(() -> Shard.open(tar)).hasMessageContaining("zero rows");
    }

    @Test
    void aRowWithoutItsImageOrCaptionIsRefused() throws Exception {
        Path folder = Files.createDirectories(dir.resolve("w"));
        Files.writeString(folder.resolve("k.txt"), "a thing");
        run("tar", "-cf", dir + "/w.tar", "-C", dir.toString(), "w");
        assertThatThrownBy(() -> Shard.open(dir.resolve("w.tar")))
                .hasMessageContaining("row w/k")
                .hasMessageContaining("no image");
        Files.delete(folder.resolve("k.txt"));
        Files.write(folder.resolve("k.png"), rows.getFirst().png());
        run("tar", "-cf", dir + "/v.tar", "-C", dir.toString(), "w");
        assertThatThrownBy(() -> Shard.open(dir.resolve("v.tar")))
                .hasMessageContaining("row w/k")
                .hasMessageContaining("no caption");
    }

    private static void run(String... command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command).inheritIO().start();
        } catch (java.io.IOException e) {
            Assumptions.abort("no tar command here");
            return;
        }
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
    }
}
