package org.diffusionsoup.workbench.generate;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;

/**
 * Width and height of pictures.
 *
 * @param width in pixels, at least 1
 * @param height in pixels, at least 1
 */
public record PictureSize(int width, int height) {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})(?:[xX×](\\d{1,9}))?");

    /**
     * @throws SoupException if a side is not positive
     */
    public PictureSize {
        if (width < 1 || height < 1) {
            throw new SoupException(
                    "`size` must be at least 1 pixel, not %s."
                            .formatted(width == height ? width : width + "x" + height));
        }
    }

    /** A square. */
    public static PictureSize square(int side) {
        return new PictureSize(side, side);
    }

    /**
     * Reads what {@link #text} writes.
     *
     * @param text {@code 512} for a square, {@code 768x512} for width and height
     * @throws SoupException if it is neither
     */
    public static PictureSize parse(String text) {
        Matcher m = TEXT.matcher(text.strip());
        if (!m.matches()) {
            throw new SoupException(
                    "`size` must be a number of pixels, or a width and a height as 768x512, not '%s'."
                            .formatted(text));
        }
        int width = Integer.parseInt(m.group(1));
        return new PictureSize(width, m.group(2) == null ? width : Integer.parseInt(m.group(2)));
    }

    /** One number for a square, else width and height as {@code 768x512}. */
    public String text() {
        return width == height ? Integer.toString(width) : width + "x" + height;
    }
}
