package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourceTest {
    @TempDir private Path dir;

    private Path png(String name, RgbImage picture) throws IOException {
        return Files.write(dir.resolve(name), PngCodec.encode(picture));
    }

    @Test
    void pixelsAreTheFiles() throws IOException {
        RgbImage picture = TinyModels.noise(8, 1);
        Source source = Source.read(png("a.png", picture), Optional.empty(), 0.3);
        assertThat(source.image().toRgb().samples()).isEqualTo(picture.pixels());
        assertThat(source.image().width()).isEqualTo(8);
        assertThat(source.mask()).isEmpty();
        assertThat(source.strength()).isEqualTo(0.3);
    }

    @Test
    void transparentPartsBecomeWhite() throws IOException {
        BufferedImage clear = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        clear.setRGB(0, 0, 0x00000000);
        clear.setRGB(1, 0, 0xff102030);
        Path file = dir.resolve("clear.png");
        ImageIO.write(clear, "png", file.toFile());
        assertThat(Source.read(file, Optional.empty(), 1).image().toRgb().samples())
                .containsExactly(255, 255, 255, 0x10, 0x20, 0x30);
    }

    @Test
    void textHasTheHashesOfTheFilesAsTheyAre() throws IOException {
        Path image = png("a.png", TinyModels.noise(8, 1));
        Path mask = png("m.png", TinyModels.plain(8, 255, 255, 255));
        assertThat(Source.read(image, Optional.empty(), 0.75).toText())
                .containsExactly(
                        java.util.Map.entry("image_sha256", Hashes.sha256(image)),
                        java.util.Map.entry("strength", "0.75"));
        assertThat(Source.read(image, Optional.of(mask), 1).toText())
                .containsEntry("mask_sha256", Hashes.sha256(mask))
                .containsEntry("image_sha256", Hashes.sha256(image));
    }

    @Test
    void wholeKeepsAllButTheStrength() throws IOException {
        Path image = png("a.png", TinyModels.noise(8, 1));
        Path mask = png("m.png", TinyModels.plain(8, 255, 255, 255));
        Source whole = Source.read(image, Optional.of(mask), 0.2).whole();
        assertThat(whole.strength()).isEqualTo(1);
        assertThat(whole.mask()).isPresent();
        assertThat(whole.image().toRgb().samples()).isEqualTo(TinyModels.noise(8, 1).pixels());
    }

    @Test
    void aMaskOfAnotherSizeIsRefused() throws IOException {
        Path image = png("a.png", TinyModels.noise(8, 1));
        Path mask = png("m.png", TinyModels.noise(9, 1));
        assertThatThrownBy(() -> Source.read(image, Optional.of(mask), 1))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "The mask %s has 9x9 pixels and the picture %s has 8x8; make the mask as large as the picture."
                                .formatted(mask, image));
    }

    @Test
    void whatIsNoPictureIsNamed() throws IOException {
        Path text = Files.writeString(dir.resolve("a.txt"), "no picture");
        assertThatThrownBy(() -> Source.read(text, Optional.empty(), 1))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(text.toString());
        Path none = dir.resolve("none.png");
        assertThatThrownBy(() -> Source.read(none, Optional.empty(), 1))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(none.toString());
    }

    /** Pillow 12.3: RGBA (0, 0, 0, 0), (255, 255, 255, 0) to mode L gives 0, 255. */
    @Test
    void aMasksAlphaIsDropped() throws IOException {
        BufferedImage clear = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        clear.setRGB(0, 0, 0x00000000);
        clear.setRGB(1, 0, 0x00ffffff);
        Path file = dir.resolve("mask.png");
        ImageIO.write(clear, "png", file.toFile());
        Source source = Source.read(file, Optional.of(file), 1);
        assertThat(source.mask().orElseThrow().toGrey().samples()).containsExactly(0, 255);
        assertThat(source.image().toGrey().samples()).containsExactly(255, 255);
    }
}
