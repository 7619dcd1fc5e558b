package org.diffusionsoup.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;

class RgbImageTest {
    @Test
    void refusesAnArrayOfAnotherSize() {
        assertThatThrownBy(() -> new RgbImage(2, 2, new byte[11]))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("needs 12 bytes, got 11");
    }

    @Test
    void halvingTakesTheMeanOfFourPixels() {
        byte[] pixels = new byte[2 * 2 * 3];
        int[] reds = {10, 20, 30, 44};
        for (int i = 0; i < 4; i++) {
            pixels[3 * i] = (byte) reds[i];
            pixels[3 * i + 1] = (byte) 200;
        }
        RgbImage half = new RgbImage(2, 2, pixels).resized(1, 1);
        assertThat(half.channel(0, 0, 0)).isEqualTo(26);
        assertThat(half.channel(0, 0, 1)).isEqualTo(200);
        assertThat(half.channel(0, 0, 2)).isZero();
    }

    @Test
    void oddResizesKeepAPlainColourAndTheMean() {
        assertThat(Pictures.plain(7, 5, 9, 99, 199).resized(3, 4))
                .isEqualTo(Pictures.plain(3, 4, 9, 99, 199));
        RgbImage noise = Pictures.noise(50, 30, 1);
        assertThat(mean(noise.resized(7, 11))).isCloseTo(mean(noise), within(0.5));
    }

    @Test
    void cropsTheMiddleAndPadsWithWhite() {
        RgbImage wide = Pictures.noise(6, 2, 2);
        RgbImage crop = wide.centreSquare();
        assertThat(crop.width()).isEqualTo(2);
        assertThat(crop.channel(1, 1, 2)).isEqualTo(wide.channel(3, 1, 2));
        RgbImage padded = wide.paddedToSquare();
        assertThat(padded.height()).isEqualTo(6);
        assertThat(padded.channel(0, 0, 0)).isEqualTo(255);
        assertThat(padded.channel(5, 2, 1)).isEqualTo(wide.channel(5, 0, 1));
    }

    @Test
    void theMiddleLosesAsMuchOnEitherSide() {
        RgbImage picture = Pictures.noise(9, 6, 3);
        RgbImage middle = picture.centre(4, 4);
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 4; x++) {
                assertThat(middle.channel(x, y, 1)).isEqualTo(picture.channel(x + 2, y + 1, 1));
            }
        }
        assertThat(picture.centre(9, 6)).isSameAs(picture);
        assertThatThrownBy(() -> picture.centre(4, 7))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("9x6 has no part of 4x7");
    }

    private static org.assertj.core.data.Offset<Double> within(double value) {
        return org.assertj.core.data.Offset.offset(value);
    }

    private static double mean(RgbImage image) {
        double sum = 0;
        for (byte b : image.pixels()) {
            sum += b & 0xff;
        }
        return sum / image.pixels().length;
    }
}
