package org.diffusionsoup.diffusion.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.diffusionsoup.image.ImageException;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureTest {
    @TempDir Path folder;

    @Test
    void jpegsAreReadInColourAndGrey() throws IOException {
        for (int type : new int[] {BufferedImage.TYPE_INT_RGB, BufferedImage.TYPE_BYTE_GRAY}) {
            BufferedImage image = new BufferedImage(16, 8, type);
            for (int i = 0; i < 16 * 8; i++) {
                image.getRaster().setSample(i % 16, i / 16, 0, 200);
            }
            Path file = folder.resolve(type + ".jpg");
            ImageIO.write(image, "jpg", file.toFile());
            Picture picture = Picture.read(file);
            assertThat(picture.mode())
                    .isEqualTo(
                            type == BufferedImage.TYPE_INT_RGB ? Picture.Mode.RGB : Picture.Mode.L);
            assertThat(picture.samples()[0] & 0xFF).isBetween(190, 210);
            assertThat(picture.toRgb().samples()).hasSize(16 * 8 * 3);
        }
    }

    @Test
    void aPictureOfOneColourStaysSo() {
        byte[] samples = new byte[31 * 17 * 3];
        Arrays.fill(samples, (byte) 77);
        Picture picture = Picture.rgb(31, 17, samples).resizeBicubic(10, 40);
        assertThat(picture.width()).isEqualTo(10);
        assertThat(picture.height()).isEqualTo(40);
        assertThat(picture.samples()).containsOnly(77);
    }

    @RepeatedTest(20)
    void anySizeIsPreprocessed(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        int width = 1 + random.nextInt(70);
        int height = 1 + random.nextInt(70);
        byte[] samples = new byte[width * height * 3];
        random.nextBytes(samples);
        Picture picture = Picture.rgb(width, height, samples);
        int side = 1 + random.nextInt(40);
        for (ImagePreprocessor.Order order : ImagePreprocessor.Order.values()) {
            var preprocessor = new ImagePreprocessor(PreprocessorConfig.clip(side), order);
            PixelTensor one = preprocessor.preprocess(picture);
            PixelTensor two = preprocessor.preprocess(List.of(picture, picture));
            assertThat(two.shape()).containsExactly(2, 3, side, side);
            assertThat(two.values())
                    .as("seed %d", repetition.getCurrentRepetition())
                    .startsWith(one.values())
                    .endsWith(one.values());
        }
    }

    @Test
    void faultsAreNamed() throws IOException {
        Path missing = folder.resolve("missing.png");
        assertThatThrownBy(() -> Picture.read(missing))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("missing.png");
        Path text = Files.writeString(folder.resolve("text.png"), "no picture");
        assertThatThrownBy(() -> Picture.read(text))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("text.png");
        ImageIO.write(
                new BufferedImage(50, 50, BufferedImage.TYPE_INT_RGB),
                "png",
                folder.resolve("whole.png").toFile());
        byte[] whole = Files.readAllBytes(folder.resolve("whole.png"));
        Path cut = Files.write(folder.resolve("cut.png"), Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> Picture.read(cut))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("cut.png");
        Path config = Files.writeString(folder.resolve("config.json"), "{\"resample\": 2}");
        assertThatThrownBy(() -> PreprocessorConfig.read(config))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("resample 2");
    }
}
