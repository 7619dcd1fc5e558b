package org.diffusionsoup.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.w3c.dom.NodeList;

class PngCodecTest {
    /** The JDK's decoder is the outside judge of what the encoder writes. */
    @Test
    void jdkReadsBackExactlyWhatWasWritten() {
        for (RgbImage image :
                new RgbImage[] {
                    Pictures.noise(1, 1, 1),
                    Pictures.noise(17, 5, 2),
                    Pictures.noise(200, 131, 3),
                    Pictures.plain(33, 64, 1, 2, 3),
                    Pictures.noise(64, 64, 4)
                }) {
            assertThat(PngCodec.decode(PngCodec.encode(image), "it")).isEqualTo(image);
        }
    }

    @Test
    void jdkReadsBackTransparencyExactly() throws Exception {
        Random random = new Random(7);
        int[] argb = random.ints(23 * 11).toArray();
        argb[0] = 0;
        argb[1] = 0x00ffffff;
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(PngCodec.encode(23, 11, argb)));
        assertThat(image.getRGB(0, 0, 23, 11, null, 0, 23)).isEqualTo(argb);
        assertThat(PngCodec.read(PngCodec.encode(23, 11, argb), "it").getRGB(22, 10))
                .isEqualTo(argb[argb.length - 1]);
    }

    @Test
    void fewColoursAreStoredIndexed() {
        RgbImage noise = Pictures.noise(64, 64, 5);
        assertThat(PngCodec.encode(noise)[25])
                .as("colour type of many colours")
                .isEqualTo((byte) 2);
        byte[] pixels = new byte[3 * 64 * 64];
        for (int i = 0; i < pixels.length; i += 3) {
            int colour = (noise.pixels()[i] & 0xff) % 97;
            pixels[i] = (byte) colour;
            pixels[i + 1] = (byte) (7 * colour);
            pixels[i + 2] = (byte) (13 * colour);
        }
        RgbImage few = new RgbImage(64, 64, pixels);
        byte[] indexed = PngCodec.encode(few);
        assertThat(indexed[25]).as("colour type of 97 colours").isEqualTo((byte) 3);
        assertThat(PngCodec.decode(indexed, "it")).isEqualTo(few);
    }

    @Test
    void textIsReadBackByTheJdk() throws Exception {
        byte[] png =
                PngCodec.encode(Pictures.noise(9, 9, 6), Map.of("prompt", "noto grüner Apfel"));
        ImageReader reader = ImageIO.getImageReadersByFormatName("png").next();
        reader.setInput(ImageIO.createImageInputStream(new ByteArrayInputStream(png)));
        NodeList entries =
                ((org.w3c.dom.Element)
                                reader.getImageMetadata(0).getAsTree("javax_imageio_png_1.0"))
                        .getElementsByTagName("iTXtEntry");
        assertThat(entries.getLength()).isEqualTo(1);
        org.w3c.dom.Element entry = (org.w3c.dom.Element) entries.item(0);
        assertThat(entry.getAttribute("keyword")).isEqualTo("prompt");
        assertThat(entry.getAttribute("text")).isEqualTo("noto grüner Apfel");
    }

    @Test
    void refusesWhatIsNoPicture() {
        assertThatThrownBy(() -> PngCodec.decode("hello".getBytes(StandardCharsets.UTF_8), "a.png"))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("a.png is not a picture");
        byte[] png = PngCodec.encode(Pictures.noise(40, 40, 7));
        assertThatThrownBy(() -> PngCodec.decode(Arrays.copyOf(png, 200), "b.png"))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("b.png is cut off");
    }
}
