package org.diffusionsoup.image;

import java.awt.image.BufferedImage;
import java.util.Arrays;
import org.diffusionsoup.core.SoupException;

/**
 * An 8-bit RGB picture without transparency.
 *
 * @param width pixels, at least 1
 * @param height pixels, at least 1
 * @param pixels {@code height * width * 3} bytes in the order row, column, channel; each byte is
 *     unsigned, 0 to 255, in sRGB. The array is not copied: do not change it afterwards.
 */
public record RgbImage(int width, int height, byte[] pixels) {

    /** Checks that the array has exactly {@code height * width * 3} bytes. */
    public RgbImage {
        if (width < 1 || height < 1) {
            throw new SoupException("an image must be at least 1x1, not " + width + "x" + height);
        }
        long expected = 3L * width * height;
        if (pixels.length != expected) {
            throw new SoupException(
                    "an image of %dx%d needs %d bytes, got %d"
                            .formatted(width, height, expected, pixels.length));
        }
    }

    /**
     * Flattens any AWT image onto white.
     *
     * @param image any colour model, with or without transparency
     */
    public static RgbImage onWhite(BufferedImage image) {
        return PictureDecoder.onWhite(image);
    }

    /** The same picture as an AWT image of type {@code TYPE_INT_RGB}. */
    public BufferedImage toBufferedImage() {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        int[] argb = new int[width * height];
        for (int i = 0; i < argb.length; i++) {
            argb[i] =
                    (pixels[3 * i] & 0xff) << 16
                            | (pixels[3 * i + 1] & 0xff) << 8
                            | pixels[3 * i + 2] & 0xff;
        }
        image.setRGB(0, 0, width, height, argb, 0, width);
        return image;
    }

    /** One channel (0 red, 1 green, 2 blue) of one pixel, 0 to 255. */
    public int channel(int x, int y, int c) {
        return pixels[3 * (y * width + x) + c] & 0xff;
    }

    /**
     * Scales to another size. Every target pixel is the mean of the source area under it, so
     * shrinking does not alias; enlarging repeats pixels with blended borders.
     *
     * @param toWidth pixels, at least 1
     * @param toHeight pixels, at least 1
     */
    public RgbImage resized(int toWidth, int toHeight) {
        return toWidth == width && toHeight == height
                ? this
                : AreaResampler.resample(this, toWidth, toHeight);
    }

    /**
     * The largest centred square.
     *
     * @return this image when it is square already
     */
    public RgbImage centreSquare() {
        int side = Math.min(width, height);
        return centre(side, side);
    }

    /**
     * The part in the middle; where what is left over is odd, its larger half is cut off at the
     * right and at the bottom.
     *
     * @param toWidth pixels, at most this image's
     * @param toHeight pixels, at most this image's
     * @return this image when it has that size already
     * @throws SoupException if the image is smaller than that
     */
    public RgbImage centre(int toWidth, int toHeight) {
        if (toWidth == width && toHeight == height) {
            return this;
        }
        if (toWidth > width || toHeight > height) {
            throw new SoupException(
                    "an image of %dx%d has no part of %dx%d"
                            .formatted(width, height, toWidth, toHeight));
        }
        int left = (width - toWidth) / 2;
        int top = (height - toHeight) / 2;
        byte[] part = new byte[3 * toWidth * toHeight];
        for (int y = 0; y < toHeight; y++) {
            System.arraycopy(
                    pixels, 3 * ((top + y) * width + left), part, 3 * y * toWidth, 3 * toWidth);
        }
        return new RgbImage(toWidth, toHeight, part);
    }

    /** The picture in the middle of a white square whose side is its longer side. */
    public RgbImage paddedToSquare() {
        int side = Math.max(width, height);
        if (width == height) {
            return this;
        }
        byte[] square = new byte[Math.multiplyExact(3, Math.multiplyExact(side, side))];
        Arrays.fill(square, (byte) 0xff);
        int left = (side - width) / 2;
        int top = (side - height) / 2;
        for (int y = 0; y < height; y++) {
            System.arraycopy(
                    pixels, 3 * y * width, square, 3 * ((top + y) * side + left), 3 * width);
        }
        return new RgbImage(side, side, square);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof RgbImage image
                && width == image.width
                && height == image.height
                && Arrays.equals(pixels, image.pixels);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * width + height) + Arrays.hashCode(pixels);
    }

    @Override
    public String toString() {
        return "RgbImage[" + width + "x" + height + "]";
    }
}
