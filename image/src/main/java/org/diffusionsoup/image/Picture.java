package org.diffusionsoup.image;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * A picture of 8-bit samples, row by row, the samples of a pixel together (HWC). Instances are
 * immutable.
 */
public final class Picture {
    /** What the samples of a pixel mean; the names are PIL's modes'. */
    public enum Mode {
        /** Black or white, 0 or 255. */
        BILEVEL(1),
        /** Grey, 0 to 255. */
        L(1),
        /** Grey and alpha. */
        LA(2),
        /** An index into a palette. */
        P(1),
        /** Red, green, blue. */
        RGB(3),
        /** Red, green, blue, alpha; not premultiplied. */
        RGBA(4);

        private final int bands;

        Mode(int bands) {
            this.bands = bands;
        }

        int bands() {
            return bands;
        }
    }

    private static final byte[] NO_PALETTE = new byte[0];

    private final Mode mode;
    private final int width;
    private final int height;
    private final byte[] samples;
    private final byte[] palette;

    private Picture(Mode mode, int width, int height, byte[] samples, byte[] palette) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException(
                    "A picture of " + width + "x" + height + " pixels is empty.");
        }
        long expected =
                Math.multiplyExact(Math.multiplyExact((long) width, height), (long) mode.bands());
        if (samples.length != expected) {
            throw new IllegalArgumentException(
                    String.format(
                            "%d samples do not fill a %s picture of %dx%d pixels, which needs %d.",
                            samples.length, mode, width, height, expected));
        }
        this.mode = mode;
        this.width = width;
        this.height = height;
        this.samples = samples;
        this.palette = palette;
    }

    /** Takes over the arrays. */
    static Picture of(Mode mode, int width, int height, byte[] samples) {
        return new Picture(mode, width, height, samples, NO_PALETTE);
    }

    /** Takes over the arrays; the palette holds red, green and blue of each index. */
    static Picture indexed(int width, int height, byte[] indices, byte[] palette) {
        return new Picture(Mode.P, width, height, indices, palette);
    }

    /**
     * A picture of given colours.
     *
     * @param width pixels per row
     * @param height rows
     * @param samples red, green, blue of each pixel, row by row; copied
     * @return an RGB picture
     * @throws IllegalArgumentException if the number of samples is not 3 × width × height
     */
    public static Picture rgb(int width, int height, byte[] samples) {
        return of(Mode.RGB, width, height, samples.clone());
    }

    /**
     * Reads a PNG, JPEG, GIF or BMP file in the mode it is stored in. Samples of 16 bits keep their
     * upper 8.
     *
     * @param file the picture
     * @return its pixels
     * @throws ImageException if it is missing or no such picture
     */
    public static Picture read(Path file) {
        return PictureReader.read(file);
    }

    /**
     * @return what the samples mean
     */
    public Mode mode() {
        return mode;
    }

    /**
     * @return pixels per row
     */
    public int width() {
        return width;
    }

    /**
     * @return rows
     */
    public int height() {
        return height;
    }

    /**
     * @return a copy of all samples, row by row, a pixel's samples together
     */
    public byte[] samples() {
        return samples.clone();
    }

    /** As {@link #samples}, without a copy: not to be written to. */
    public byte[] rawSamples() {
        return samples;
    }

    /** The same kind of picture with other pixels; takes over the array. */
    Picture with(int newWidth, int newHeight, byte[] newSamples) {
        return new Picture(mode, newWidth, newHeight, newSamples, palette);
    }

    /**
     * In colours: grey is repeated, indices are looked up, alpha is dropped, as PIL's {@code
     * convert("RGB")} does.
     *
     * @return an RGB picture, itself if it is one
     */
    public Picture toRgb() {
        if (mode == Mode.RGB) {
            return this;
        }
        int pixels = width * height;
        byte[] out = new byte[Math.multiplyExact(pixels, 3)];
        int bands = mode.bands();
        for (int i = 0; i < pixels; i++) {
            switch (mode) {
                case RGB, RGBA -> System.arraycopy(samples, i * bands, out, i * 3, 3);
                case P -> {
                    int from = (samples[i] & 0xFF) * 3;
                    // An index beyond the palette is black, as in PIL.
                    if (from + 3 <= palette.length) {
                        System.arraycopy(palette, from, out, i * 3, 3);
                    }
                }
                case BILEVEL, L, LA -> Arrays.fill(out, i * 3, i * 3 + 3, samples[i * bands]);
            }
        }
        return of(Mode.RGB, width, height, out);
    }

    /**
     * In grey by ITU-R 601's luma, alpha dropped, as PIL's {@code convert("L")} does.
     *
     * @return a picture of mode L, itself if it is one
     */
    public Picture toGrey() {
        if (mode == Mode.L) {
            return this;
        }
        byte[] rgb = toRgb().samples;
        byte[] out = new byte[width * height];
        for (int i = 0; i < out.length; i++) {
            int luma =
                    19595 * (rgb[3 * i] & 0xFF)
                            + 38470 * (rgb[3 * i + 1] & 0xFF)
                            + 7471 * (rgb[3 * i + 2] & 0xFF);
            out[i] = (byte) (luma + 0x8000 >> 16);
        }
        return of(Mode.L, width, height, out);
    }

    /**
     * Resized as PIL does it with {@code BICUBIC}: antialiased where it shrinks, with a = -0.5 and
     * 8 bits between the horizontal and the vertical pass; colours weighted by alpha; indexed and
     * black-and-white pictures by nearest neighbour.
     *
     * @param newWidth pixels per row, at least 1
     * @param newHeight rows, at least 1
     * @return a picture of the same mode
     */
    public Picture resizeBicubic(int newWidth, int newHeight) {
        return PilResize.resize(this, newWidth, newHeight, PilResize.Kernel.BICUBIC);
    }

    /**
     * Resized as PIL does it with {@code LANCZOS}; otherwise as {@link #resizeBicubic}.
     *
     * @param newWidth pixels per row, at least 1
     * @param newHeight rows, at least 1
     * @return a picture of the same mode
     */
    public Picture resizeLanczos(int newWidth, int newHeight) {
        return PilResize.resize(this, newWidth, newHeight, PilResize.Kernel.LANCZOS);
    }

    /**
     * A part of the picture.
     *
     * @param left first column
     * @param top first row
     * @param newWidth columns
     * @param newHeight rows
     * @return the pixels in that rectangle
     * @throws IllegalArgumentException if it reaches outside
     */
    public Picture crop(int left, int top, int newWidth, int newHeight) {
        if (left < 0 || top < 0 || newWidth > width - left || newHeight > height - top) {
            throw new IllegalArgumentException(
                    String.format(
                            "The %dx%d pixels at column %d, row %d are not all inside %dx%d.",
                            newWidth, newHeight, left, top, width, height));
        }
        int row = newWidth * mode.bands();
        byte[] out = new byte[Math.multiplyExact(row, newHeight)];
        for (int y = 0; y < newHeight; y++) {
            int from = ((top + y) * width + left) * mode.bands();
            System.arraycopy(samples, from, out, y * row, row);
        }
        return with(newWidth, newHeight, out);
    }
}
