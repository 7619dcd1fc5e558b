package org.diffusionsoup.data.scene;

import java.util.Arrays;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/**
 * A picture with transparency.
 *
 * @param width pixels, at least 1
 * @param height pixels, at least 1
 * @param argb {@code height * width} pixels row by row, each {@code 0xAARRGGBB} in sRGB; alpha is
 *     straight, not multiplied into the colours. The array is not copied: do not change it
 *     afterwards.
 */
public record ArgbImage(int width, int height, int[] argb) {

    /** Checks that the array has exactly {@code height * width} pixels. */
    public ArgbImage {
        if (width < 1 || height < 1 || argb.length != (long) width * height) {
            throw new SoupException(
                    "an image of %dx%d cannot have %d pixels"
                            .formatted(width, height, argb.length));
        }
    }

    /**
     * The picture over one colour.
     *
     * @param background {@code 0xRRGGBB}
     */
    public RgbImage over(int background) {
        byte[] pixels = new byte[3 * argb.length];
        for (int i = 0; i < argb.length; i++) {
            int alpha = argb[i] >>> 24;
            for (int c = 0; c < 3; c++) {
                int shift = 16 - 8 * c;
                int mixed =
                        alpha * (argb[i] >> shift & 0xff)
                                + (255 - alpha) * (background >> shift & 0xff);
                pixels[3 * i + c] = (byte) ((mixed + 127) / 255);
            }
        }
        return new RgbImage(width, height, pixels);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ArgbImage image
                && width == image.width
                && height == image.height
                && Arrays.equals(argb, image.argb);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * width + height) + Arrays.hashCode(argb);
    }

    @Override
    public String toString() {
        return "ArgbImage[" + width + "x" + height + "]";
    }
}
