package org.diffusionsoup.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tars as other programs write them, and headers that lie. */
class ForeignTarTest {
    private static final byte[] PNG = PngCodec.encode(Pictures.noise(8, 6, 3));

    @TempDir private Path dir;
    private Path tar = Path.of("x.tar");
    private ByteArrayOutputStream out = new ByteArrayOutputStream();

    @BeforeEach
    void prepare() {
        tar = dir.resolve("x.tar");
        out = new ByteArrayOutputStream();
    }

    private ForeignTarTest entry(String name, byte[] data) {
        return entry(name, '0', "%011o\0".formatted(data.length), data);
    }

    private ForeignTarTest entry(String name, char type, String size, byte[] data) {
        byte[] header = new byte[512];
        put(header, 0, name.getBytes(StandardCharsets.UTF_8));
        put(header, 124, size.getBytes(StandardCharsets.ISO_8859_1));
        header[156] = (byte) type;
        put(header, 257, "ustar\00000".getBytes(StandardCharsets.ISO_8859_1));
        int sum = 8 * ' ';
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0 ".formatted(sum).getBytes(StandardCharsets.ISO_8859_1));
        out.writeBytes(header);
        out.writeBytes(Arrays.copyOf(data, (data.length + 511) / 512 * 512));
        return this;
    }

    private static void put(byte[] header, int at, byte[] data) {
        System.arraycopy(data, 0, header, at, Math.min(data.length, 100));
    }

    private Path written() throws IOException {
        out.writeBytes(new byte[1024]);
        return Files.write(tar, out.toByteArray());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void anImageHashOfTheDownloadDoesNotBind() throws IOException {
        entry("000000000.jpg", PNG)
                .entry("000000000.txt", bytes("a thing"))
                .entry(
                        "000000000.json",
                        bytes(
                                "{\"url\": \"u\", \"caption\": \"a thing\", \"key\": \"000000000\","
                                        + " \"status\": \"success\", \"sha256\": \"%s\"}"
                                                .formatted("ab".repeat(32))));
        Shard shard = Shard.open(written());
        assertThat(shard.infos().getFirst().caption()).isEqualTo("a thing");
        int[] rows = {0};
        ShardScan.of(ShardRef.parse(tar.toString())).forEach((i, row) -> rows[0]++);
        assertThat(rows[0]).isEqualTo(1);
    }

    @Test
    void ourOwnHashBinds() throws IOException {
        entry("a.png", PNG)
                .entry(
                        "a.json",
                        bytes(
                                "{\"caption\": \"x\", \"split\": \"train\", \"sha256\": \"%s\"}"
                                        .formatted("ab".repeat(32))));
        written();
        assertThatThrownBy(() -> Shard.open(tar)).hasMessageContaining("row a");
    }

    @Test
    void keysWithFoldersMasksDoublesAndUnicode() throws IOException {
        entry("cats/", '5', "0", new byte[0])
                .entry("cats/001.png", PNG)
                .entry("cats/001.mask.png", PNG)
                .entry("cats/001.txt", bytes("a cat"))
                .entry("dogs/001.png", PNG)
                .entry("dogs/001.CAPTION", bytes("\uFEFFa dog"))
                .entry("dogs/._001.png", bytes("x"))
                .entry("__MACOSX/dogs/001.png", bytes("x"))
                .entry("gr\u00fcn.JPEG", PNG)
                .entry("gr\u00fcn.TXT", bytes("green"));
        Shard shard = Shard.open(written());
        assertThat(shard.infos())
                .extracting(SampleInfo::key)
                .containsExactly("cats_001", "dogs_001", "grufcn");
        assertThat(shard.infos())
                .extracting(SampleInfo::caption)
                .containsExactly("a cat", "a dog", "green");
        Shard imported =
                FolderImporter.importFolder(
                        tar,
                        dir.resolve("out.tar"),
                        new ImportOptions(
                                "me",
                                "MIT",
                                "other",
                                HoldOut.parse("34%"),
                                OptionalInt.of(8),
                                ImportOptions.Fit.PAD),
                        ProgressListener.NONE);
        assertThat(imported.infos())
                .extracting(SampleInfo::key)
                .containsExactly("me_cats_001", "me_dogs_001", "me_grufcn");
        // All three are the same picture, so none can be held out alone.
        assertThat(imported.heldOut().size()).isZero();
        assertThat(imported.get(0).image().height()).isEqualTo(8);
    }

    @Test
    void allRowsWithoutCaptionAreNamed() throws IOException {
        for (int i = 0; i < 12; i++) {
            entry("r%02d.png".formatted(i), PNG);
        }
        entry("s.png", PNG).entry("s.txt", bytes("words"));
        written();
        assertThatThrownBy(() -> Shard.open(tar))
                .hasMessageContaining("12 rows (r00, r01")
                .hasMessageContaining("and 2 more")
                .hasMessageContaining("no caption");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-0000000001",
                "-7777777777",
                "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff" + "\u00ff\u00ff\u00fe\0",
                "\u0080\0\0\0\u007f\u00ff\u00ff\u00ff\u00ff\u00ff" + "\u00ff\u00ff",
                "77777777777",
                "+0000000010",
                "0x10",
                "\u0661\u0662"
            })
    @Timeout(5)
    void sizesThatLieEndInOneSentence(String size) throws IOException {
        entry("a.png", '0', size, PNG).entry("a.txt", bytes("x"));
        written();
        assertThatThrownBy(() -> Shard.open(tar))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("x.tar");
        tar = dir.resolve("y.tar");
        out = new ByteArrayOutputStream();
        entry("n", 'L', size, PNG);
        written();
        assertThatThrownBy(() -> Shard.open(tar))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("y.tar");
    }

    @Test
    void baseTwoHundredAndFiftySixAndPaxSizesAreRead() throws IOException {
        String name = "f/" + "n".repeat(150);
        String record = " path=" + name + ".png\n";
        String size = " size=" + PNG.length + "\n";
        String text = (record.length() + 3) + record + (size.length() + 2) + size;
        entry("x", 'x', "%011o".formatted(text.length()), bytes(text))
                .entry("short", '0', "%011o".formatted(1), PNG)
                .entry("n", 'L', "%011o".formatted(name.length() + 5), bytes(name + ".txt\0"))
                .entry("short", '7', "\u0080\0\0\0\0\0\0\0\0\0\0\5", bytes("words"));
        assertThat(Shard.open(written()).infos().getFirst().caption()).isEqualTo("words");
    }

    @ParameterizedTest
    @ValueSource(strings = {"9 path=", "99999999999999999999 path=a\n", "path=a\n", "8 size=-1\n"})
    void badPaxRecordsAreRefused(String text) throws IOException {
        entry("x", 'x', "%011o".formatted(text.length()), bytes(text)).entry("a.png", PNG);
        written();
        assertThatThrownBy(() -> Shard.open(tar))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("x.tar");
    }

    @Test
    void compressedTarsAndLinksAreNamed() throws IOException {
        Files.write(tar, new byte[] {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0});
        assertThatThrownBy(() -> Shard.open(tar))
                .hasMessageContaining("is compressed")
                .hasMessageContaining("gunzip");
        entry("a.png", '2', "0", new byte[0]);
        written();
        assertThatThrownBy(() -> Shard.open(tar)).hasMessageContaining("a link at byte 0 (a.png)");
    }

    @Test
    void aTarWhoseNameHoldsAHashOpens() throws IOException {
        tar = dir.resolve("set#1.tar");
        entry("a.png", PNG).entry("a.txt", bytes("x"));
        written();
        for (String text : List.of(tar.toString(), tar + "#split=train")) {
            ShardRef ref = ShardRef.parse(text);
            assertThat(ref.path()).isEqualTo(tar);
            assertThat(ref.open().size()).isEqualTo(1);
        }
        assertThat(ShardRef.parse("none.tar#split=train").path()).isEqualTo(Path.of("none.tar"));
    }

    private void refusedByBothReaders(String... parts) throws IOException {
        written();
        assertThatThrownBy(() -> Shard.open(tar))
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll(parts);
        assertThatThrownBy(() -> ShardScan.of(ShardRef.parse(tar.toString())).count())
                .isInstanceOf(SoupException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void aCaptionInLatin1IsRefused() throws IOException {
        entry("a.png", PNG).entry("a.txt", "gr\u00fcn".getBytes(StandardCharsets.ISO_8859_1));
        refusedByBothReaders("a.txt in shard", "x.tar is not UTF-8 text; save it as UTF-8");
    }

    @Test
    void aCaptionInUtf16IsRefused() throws IOException {
        entry("a.png", PNG).entry("a.txt", "red".getBytes(StandardCharsets.UTF_16LE));
        refusedByBothReaders("a.txt in shard", "x.tar is not UTF-8 text");
    }

    @Test
    void jsonInLatin1IsRefused() throws IOException {
        entry("a.png", PNG)
                .entry(
                        "a.json",
                        "{\"caption\": \"gr\u00fcn\"}".getBytes(StandardCharsets.ISO_8859_1));
        refusedByBothReaders("a.json in shard", "x.tar is not UTF-8 text");
    }

    @Test
    void aFieldTwiceOrTextBehindTheObjectIsRefused() throws IOException {
        entry("a.png", PNG).entry("a.json", bytes("{\"caption\": \"one\", \"caption\": \"two\"}"));
        refusedByBothReaders("row a of shard", "a .json that names a field twice; keep one");
        out = new ByteArrayOutputStream();
        entry("a.png", PNG).entry("a.json", bytes("{\"caption\": \"one\"} {}"));
        refusedByBothReaders("a .json that goes on behind its object");
    }

    @ParameterizedTest
    @ValueSource(strings = {"license", "licence", "LICENSE"})
    void theLicenceIsReadInEitherSpelling(String field) throws IOException {
        entry("a.png", PNG)
                .entry("a.json", bytes("{\"caption\": \"x\", \"%s\": \"MIT\"}".formatted(field)));
        assertThat(Shard.open(written()).infos().getFirst().licence()).isEqualTo("MIT");
        assertThatThrownBy(() ->
                        FolderImporter.importFolder(
                                tar,
                                dir.resolve("out.tar"),
                                ImportOptions.of("me", "CC0-1.0"),
                                ProgressListener.NONE))
                .hasMessageContaining("states the licence MIT, not CC0-1.0");
    }

    @Test
    void twoLicencesAreRefusedAndAnUnknownOneIsNone() throws IOException {
        entry("a.png", PNG)
                .entry(
                        "a.json",
                        bytes("{\"caption\": \"x\", \"licence\": \"MIT\", \"license\": \"GPL\"}"));
        refusedByBothReaders("states two licences, GPL and MIT; keep one");
        out = new ByteArrayOutputStream();
        entry("a.png", PNG).entry("a.json", bytes("{\"caption\": \"x\", \"LICENSE\": \"?\"}"));
        assertThat(Shard.open(written()).infos().getFirst().licence()).isEmpty();
    }

    @Test
    void aFolderOfTarsNamesThem() throws IOException {
        Path folder = Files.createDirectory(dir.resolve("i2d"));
        tar = folder.resolve("00000.tar");
        entry("a.png", PNG).entry("a.txt", bytes("x"));
        written();
        assertThatThrownBy(() ->
                        FolderImporter.importFolder(
                                folder,
                                dir.resolve("out.tar"),
                                ImportOptions.of("me", "MIT"),
                                ProgressListener.NONE))
                .hasMessageContaining("tar 00000.tar: name each by itself, such as " + tar);
        assertThatThrownBy(() -> ShardRef.parse(folder.toString()).open())
                .hasMessageContaining("tar 00000.tar: name each by itself, such as " + tar);
    }
}
