package org.diffusionsoup.image.png;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngSealTest {
    private static final long SEED = 20261130;

    @TempDir Path folder;

    @Test
    void aSealedPictureIsTheSamePictureAndEveryChangedByteIsNoticed() throws IOException {
        Random random = new Random(SEED);
        byte[] pixels = new byte[3 * 9 * 7];
        random.nextBytes(pixels);
        byte[] png = PngCodec.encode(new RgbImage(9, 7, pixels), Map.of("prompt", "a cat"));
        assertThat(PngSeal.isWhole(png, "a.png")).isFalse();
        byte[] sealed = PngSeal.sealed(png, "a.png");
        assertThat(PngSeal.isWhole(sealed, "a.png")).isTrue();
        assertThat(PngSeal.isWhole(sealed, "b.png")).isFalse();
        assertThat(PngCodec.decode(sealed, "a").pixels()).isEqualTo(pixels);
        Path file = Files.write(folder.resolve("a.png"), sealed);
        assertThat(PngFiles.readText(file)).containsKeys("prompt", PngSeal.KEYWORD);
        for (int i = 0; i < sealed.length; i++) {
            byte[] damaged = sealed.clone();
            damaged[i] ^= (byte) (1 << random.nextInt(8));
            assertThat(PngSeal.isWhole(damaged, "a.png")).as("byte %d, seed %d", i, SEED).isFalse();
            assertThat(PngSeal.isWhole(Arrays.copyOf(sealed, i), "a.png")).isFalse();
        }
    }
}
