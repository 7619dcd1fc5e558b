package org.diffusionsoup.image.png;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.image.PngCodec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.NodeList;

class PngFilesTest {
    private static final PictureMetadata METADATA =
            new PictureMetadata(
                    "crème brûlée 😀, \"flat\"",
                    "blurry",
                    -7,
                    "3fa94c01be77".repeat(5) + "abcd",
                    4.5,
                    "DDIMScheduler",
                    25);

    @TempDir Path folder;

    @Test
    void settingsSurviveTheFile() {
        Path file = folder.resolve("a.png");
        PngFiles.write(file, PictureGridTest.plain(8, 0x123456), METADATA);
        Map<String, String> text = PngFiles.readText(file);
        assertThat(PictureMetadata.fromText(text)).contains(METADATA);
        assertThat(text.get("parameters"))
                .isEqualTo(
                        """
                        crème brûlée 😀, "flat"
                        Negative prompt: blurry
                        Steps: 25, Sampler: DDIMScheduler, CFG scale: 4.5, Seed: -7, \
                        Model hash: 3fa94c01be\
                        """);
    }

    @Test
    void theFormatOfTheWeightsIsSaidWhereItIsNotFloat32() {
        for (DType weights : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            PictureMetadata m =
                    new PictureMetadata("p", "", 1, "0".repeat(64), 1, "DDIMScheduler", 2, weights);
            Map<String, String> text = new HashMap<>(m.toText());
            assertThat(PictureMetadata.fromText(text)).contains(m);
            assertThat(text.containsKey("weights_dtype")).isEqualTo(weights != DType.F32);
            assertThat(text.get("parameters").endsWith(", Weights: " + weights))
                    .isEqualTo(weights != DType.F32);
            text.put("weights_dtype", "F12");
            assertThatThrownBy(() -> PictureMetadata.fromText(text))
                    .isInstanceOf(SoupException.class)
                    .hasMessage(
                            "The picture's metadata name weights of 'F12', which is no format.");
        }
    }

    @Test
    void anotherReaderSeesTheSameTexts() throws Exception {
        Path file = folder.resolve("a.png");
        PngFiles.write(file, PictureGridTest.plain(8, 0x123456), METADATA);
        ImageReader reader = ImageIO.getImageReadersByFormatName("png").next();
        try (var in = ImageIO.createImageInputStream(file.toFile())) {
            reader.setInput(in);
            var tree = reader.getImageMetadata(0).getAsTree("javax_imageio_png_1.0");
            NodeList entries = ((org.w3c.dom.Element) tree).getElementsByTagName("iTXtEntry");
            assertThat(entries.getLength()).isEqualTo(METADATA.toText().size());
            var first = (org.w3c.dom.Element) entries.item(0);
            assertThat(first.getAttribute("keyword")).isEqualTo("prompt");
            assertThat(first.getAttribute("text")).isEqualTo(METADATA.prompt());
        } finally {
            reader.dispose();
        }
    }

    @Test
    void textChunksOfOtherProgramsAreRead() throws Exception {
        byte[] png = PngCodec.encode(PictureGridTest.plain(8, 0x654321));
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(packed)) {
            deflater.write("packed é".getBytes(StandardCharsets.ISO_8859_1));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(png, 0, 33);
        out.writeBytes(chunk("tEXt", bytes("Title\0plain é")));
        out.writeBytes(chunk("zTXt", concat(bytes("Comment\0\0"), packed.toByteArray())));
        out.write(png, 33, png.length - 33);
        Path file = Files.write(folder.resolve("b.png"), out.toByteArray());
        assertThat(PngFiles.readText(file))
                .containsExactly(Map.entry("Title", "plain é"), Map.entry("Comment", "packed é"));
        assertThat(PictureMetadata.fromText(PngFiles.readText(file))).isEmpty();
    }

    @Test
    void damagedFilesAreNamedAtEveryLength() throws Exception {
        Path file = folder.resolve("c.png");
        PngFiles.write(file, PictureGridTest.plain(8, 0x123456), METADATA);
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> PngFiles.readText(file))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("c.png");
        }
        Files.writeString(file, "no picture at all");
        assertThatThrownBy(() -> PngFiles.readText(file))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("not a PNG");
        assertThatThrownBy(() -> PngFiles.readText(folder.resolve("missing.png")))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("missing.png");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] concat(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private static byte[] chunk(String type, byte[] data) {
        byte[] body = concat(bytes(type), data);
        CRC32 crc = new CRC32();
        crc.update(body);
        return ByteBuffer.allocate(body.length + 8)
                .putInt(data.length)
                .put(body)
                .putInt((int) crc.getValue())
                .array();
    }
}
