package org.diffusionsoup.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Pictures of {@code resources/pictures} decode to the bytes that Pillow gave for them. */
class PictureDecoderTest {
    private static final Path FOLDER = Path.of("src/test/resources/pictures");

    static List<String> expected() throws IOException {
        return Files.readAllLines(FOLDER.resolve("expected.txt"));
    }

    @Test
    void memoryThatRanOutInAReaderIsNoDamage() {
        OutOfMemoryError full = new OutOfMemoryError("Java heap space");
        assertThat(PictureDecoder.ofMemory(new IOException("Caught exception during read:", full)))
                .isTrue();
        assertThat(PictureDecoder.ofMemory(new IOException("damaged"))).isFalse();
    }

    @Test
    void theFolderHoldsEveryKind() throws IOException {
        assertThat(expected()).hasSizeGreaterThan(50);
    }

    @ParameterizedTest
    @MethodSource("expected")
    void equalsPillowToTheBit(String line) throws IOException {
        String[] words = line.split(" ");
        RgbImage image = PngCodec.decode(Files.readAllBytes(FOLDER.resolve(words[0])), words[0]);
        assertThat(image.width()).isEqualTo(Integer.parseInt(words[1]));
        assertThat(image.height()).isEqualTo(Integer.parseInt(words[2]));
        assertThat(Hashes.sha256Hex(image.pixels())).isEqualTo(words[3]);
    }

    @ParameterizedTest
    @MethodSource("expected")
    void theSizeIsKnownBeforeAnyPixel(String line) throws IOException {
        String[] words = line.split(" ");
        PictureSize size = PictureSize.of(Files.readAllBytes(FOLDER.resolve(words[0])), words[0]);
        assertThat(size)
                .isEqualTo(new PictureSize(Integer.parseInt(words[1]), Integer.parseInt(words[2])));
    }

    /** Pixels (0, 0) and (7, 6) by Pillow 12.3.0: GIF canvas, RGBX, inks taken for inverted. */
    @ParameterizedTest
    @CsvSource({
        "gif_offset.gif, '205 219 125', '184 99 122'",
        "extra0.tif, '0 0 0', '63 72 65'",
        "jpg_cmyk_noadobe.jpg, '0 0 0', '63 72 65'"
    })
    void rareKindsAreAsPillowHasThem(String name, String first, String inside) throws IOException {
        RgbImage image = PngCodec.decode(Files.readAllBytes(FOLDER.resolve(name)), name);
        assertThat(List.of(image.width(), image.height())).containsExactly(28, 20);
        assertThat(pixel(image, 0, 0)).isEqualTo(first);
        assertThat(pixel(image, 7, 6)).isEqualTo(inside);
    }

    private static String pixel(RgbImage image, int x, int y) {
        return image.channel(x, y, 0) + " " + image.channel(x, y, 1) + " " + image.channel(x, y, 2);
    }

    @Test
    void noSizeIsTakenFromWhatIsNoPicture() {
        assertThatThrownBy(() -> PictureSize.of(new byte[0], "the picture"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("the picture is an empty file");
        assertThatThrownBy(() -> PictureSize.of(new byte[] {1, 2, 3, 4}, "the picture"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("not a picture that can be read");
    }

    /** A 2x3 picture's pixels are numbered by rows; each orientation puts pixel 0 elsewhere. */
    @ParameterizedTest
    @CsvSource({
        "1, '0 1|2 3|4 5'", "2, '1 0|3 2|5 4'", "3, '5 4|3 2|1 0'", "4, '4 5|2 3|0 1'",
        "5, '0 2 4|1 3 5'", "6, '4 2 0|5 3 1'", "7, '5 3 1|4 2 0'", "8, '1 3 5|0 2 4'"
    })
    void turnsAsExifSays(int orientation, String rows) {
        byte[] pixels = new byte[18];
        for (int i = 0; i < 6; i++) {
            pixels[3 * i] = (byte) i;
        }
        RgbImage turned = Orientation.upright(new RgbImage(2, 3, pixels), orientation);
        StringBuilder found = new StringBuilder();
        for (int y = 0; y < turned.height(); y++) {
            for (int x = 0; x < turned.width(); x++) {
                found.append(x > 0 ? " " : y > 0 ? "|" : "").append(turned.channel(x, y, 0));
            }
        }
        assertThat(found).hasToString(rows);
    }

    @Test
    void everyDamagedExifIsUprightOrRead() {
        byte[] exif = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0};
        assertThat(Orientation.ofExif(exif)).isEqualTo(6);
        for (int length = 0; length < exif.length; length++) {
            assertThat(Orientation.ofExif(java.util.Arrays.copyOf(exif, length))).isEqualTo(1);
        }
        for (int at = 0; at < exif.length; at++) {
            for (int value = 0; value < 256; value++) {
                byte[] damaged = exif.clone();
                damaged[at] = (byte) value;
                assertThat(Orientation.ofExif(damaged)).isBetween(1, 8);
            }
        }
    }

    @Test
    void transparentGreyOfFewBitsIsComparedInItsOwnDepth() {
        // Two bits: levels 0, 85, 170, 255; level 1 is clear.
        byte[] png = png(4, 1, 2, 0, new byte[] {0, 0b00_01_10_11}, new byte[] {0, 1});
        RgbImage image = PngCodec.decode(png, "it");
        assertThat(List.of(image.channel(0, 0, 0), image.channel(1, 0, 0))).containsExactly(0, 255);
        assertThat(List.of(image.channel(2, 0, 2), image.channel(3, 0, 1)))
                .containsExactly(170, 255);
    }

    @ParameterizedTest
    @CsvSource({"20000, 20000", "1, 1000000", "1000000, 1", "2147483647, 2147483647"})
    void picturesTooLargeAreRefusedBeforeTheirPixels(int width, int height) {
        byte[] png = png(width, height, 8, 2, new byte[10], new byte[0]);
        assertThatThrownBy(() -> PngCodec.decode(png, "huge.png"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("huge.png has " + width + " x " + height + " pixels")
                .hasMessageContaining("make it smaller");
    }

    @Test
    void foreignKindsAreNamed() throws IOException {
        byte[] webp = Files.readAllBytes(FOLDER.resolve("w6.webp"));
        assertThatThrownBy(() -> PngCodec.decode(webp, "a.jpg"))
                .hasMessage(
                        "a.jpg is a picture in WebP, which is not read; use PNG, JPEG, GIF, BMP or"
                                + " TIFF");
        byte[] avif = "\0\0\0\u0020ftypavif".getBytes(StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> PngCodec.decode(avif, "b"))
                .hasMessageContaining("b is a picture in AVIF");
        assertThatThrownBy(() -> PngCodec.decode(new byte[0], "c"))
                .hasMessageContaining("c is an empty file");
    }

    @Test
    void aPngThatIsCutOffIsRefused() {
        byte[] whole = PngCodec.encode(Pictures.noise(20, 20, 1));
        for (int left : new int[] {whole.length / 2, whole.length - 20, 40}) {
            byte[] cut = Arrays.copyOf(whole, left);
            assertThatThrownBy(() -> PngCodec.decode(cut, "half.png"))
                    .hasMessageContaining("half.png is cut off; copy the picture again");
        }
    }

    @Test
    void aJpegThatIsCutOffIsRefused() throws IOException {
        String name = first(".jpg");
        byte[] whole = Files.readAllBytes(FOLDER.resolve(name));
        assertThat(PngCodec.decode(whole, name)).isNotNull();
        byte[] cut = Arrays.copyOf(whole, whole.length - whole.length / 4);
        assertThatThrownBy(() -> PngCodec.decode(cut, "half.jpg"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("half.jpg is cut off");
    }

    /** The tag that says what the numbers of a TIFF are, set to CIELab. */
    @Test
    void aTiffInLabColoursIsNamed() throws IOException {
        String name = first(".tif");
        ByteBuffer tiff =
                ByteBuffer.wrap(Files.readAllBytes(FOLDER.resolve(name)))
                        .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(tiff.get(0)).isEqualTo((byte) 'I');
        int directory = tiff.getInt(4);
        for (int i = 0; i < tiff.getShort(directory); i++) {
            int entry = directory + 2 + 12 * i;
            if (tiff.getShort(entry) == 262) {
                tiff.putShort(entry + 8, (short) 8);
            }
        }
        assertThatThrownBy(() -> PngCodec.decode(tiff.array(), "lab.tif"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("lab.tif is a TIFF in CIELab colours");
    }

    private static String first(String ending) throws IOException {
        return expected().stream()
                .map(line -> line.split(" ")[0])
                .filter(name -> name.endsWith(ending))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aLongPictureShrinks() {
        byte[] pixels = new byte[3 * 60_000];
        java.util.Arrays.fill(pixels, 0, pixels.length / 2, (byte) 200);
        RgbImage small = new RgbImage(1, 60_000, pixels).resized(1, 2);
        assertThat(small.channel(0, 0, 1)).isEqualTo(200);
        assertThat(small.channel(0, 1, 1)).isZero();
    }

    private static byte[] png(
            int width, int height, int depth, int type, byte[] rows, byte[] transparent) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(PngParts.SIGNATURE.getBytes(StandardCharsets.ISO_8859_1));
        byte[] header =
                ByteBuffer.allocate(13)
                        .putInt(width)
                        .putInt(height)
                        .put((byte) depth)
                        .put((byte) type)
                        .array();
        chunk(out, "IHDR", header);
        if (transparent.length > 0) {
            chunk(out, "tRNS", transparent);
        }
        java.util.zip.Deflater deflater = new java.util.zip.Deflater();
        deflater.setInput(rows);
        deflater.finish();
        byte[] packed = new byte[64];
        chunk(out, "IDAT", java.util.Arrays.copyOf(packed, deflater.deflate(packed)));
        deflater.end();
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        CRC32 crc = new CRC32();
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        crc.update(name);
        crc.update(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
        out.writeBytes(name);
        out.writeBytes(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
}
