package org.diffusionsoup.image;

import org.diffusionsoup.core.SoupException;

/**
 * Width and height of a picture.
 *
 * @param width pixels, at least 1
 * @param height pixels, at least 1
 */
public record PictureSize(int width, int height) {
    /** Checks that both are positive. */
    public PictureSize {
        if (width < 1 || height < 1) {
            throw new SoupException("an image must be at least 1x1, not " + width + "x" + height);
        }
    }

    /**
     * The size that {@link PngCodec#decode} would give, turned upright, without decoding pixels.
     *
     * @param file the whole file
     * @param what how to name the picture in an error, such as its file name
     * @throws SoupException if no decoder understands the file, or the picture is too large
     */
    public static PictureSize of(byte[] file, String what) {
        return PictureDecoder.size(file, what);
    }

    /** Pixels in all. */
    public long area() {
        return (long) width * height;
    }

    /** As {@code 768×512}: width first. */
    @Override
    public String toString() {
        return width + "×" + height;
    }
}
