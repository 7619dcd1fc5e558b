package org.diffusionsoup.image;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.SoupException;

/** Lays pictures out in a grid, to look at many at once. */
public final class ContactSheet {
    private static final int GAP = 2;
    private static final long MAX_BYTES = 1L << 27;

    private ContactSheet() {}

    /**
     * A grid on light grey, row by row, with a gap of two pixels.
     *
     * @param images all of the same size, at least one
     * @param columns at least 1
     * @throws SoupException if sizes differ, or the sheet would have over 128 MiB of pixels
     */
    public static RgbImage of(List<RgbImage> images, int columns) {
        if (images.isEmpty() || columns < 1) {
            throw new SoupException("a contact sheet needs at least one picture and one column");
        }
        int width = images.getFirst().width();
        int height = images.getFirst().height();
        checkSize(images.size(), width, height, columns);
        int across = Math.min(columns, images.size());
        int sheetWidth = across * (width + GAP) + GAP;
        int sheetHeight = down(images.size(), columns) * (height + GAP) + GAP;
        byte[] pixels = new byte[3 * sheetWidth * sheetHeight];
        Arrays.fill(pixels, (byte) 0xd8);
        for (int i = 0; i < images.size(); i++) {
            RgbImage image = images.get(i);
            if (image.width() != width || image.height() != height) {
                throw new SoupException(
                        "a contact sheet needs pictures of one size; the first is %dx%d, one is %s"
                                .formatted(width, height, image));
            }
            int left = GAP + i % columns * (width + GAP);
            int top = GAP + i / columns * (height + GAP);
            for (int y = 0; y < height; y++) {
                System.arraycopy(
                        image.pixels(),
                        3 * y * width,
                        pixels,
                        3 * ((top + y) * sheetWidth + left),
                        3 * width);
            }
        }
        return new RgbImage(sheetWidth, sheetHeight, pixels);
    }

    /**
     * Pictures per row for a sheet of square pictures that is about square, or up to half as wide
     * again where that leaves fewer places of the last row empty.
     *
     * @param count pictures on it, at least 1
     */
    public static int columns(int count) {
        int best = (int) Math.ceil(Math.sqrt(count));
        for (int c = best; c <= 1.5 * Math.sqrt(count); c++) {
            if (empty(count, c) < empty(count, best)) {
                best = c;
            }
        }
        return best;
    }

    private static int empty(int count, int columns) {
        return down(count, columns) * columns - count;
    }

    /**
     * Refuses a sheet that would be too large, before its pictures are read.
     *
     * @param count pictures on it
     * @param width of each in pixels
     * @param height of each in pixels
     * @param columns pictures per row, at least 1
     * @throws SoupException if it would have over 128 MiB of pixels
     */
    public static void checkSize(int count, int width, int height, int columns) {
        long across = Math.min(columns, count) * (width + (long) GAP) + GAP;
        long down = down(count, columns) * (height + (long) GAP) + GAP;
        if (across > MAX_BYTES || down > MAX_BYTES || 3 * across * down > MAX_BYTES) {
            throw new SoupException(
                    String.format(
                            Locale.ROOT,
                            "a contact sheet of %,d pictures would be %,d×%,d pixels; show fewer or smaller",
                            count,
                            across,
                            down));
        }
    }

    private static int down(int count, int columns) {
        return Math.ceilDiv(count, columns);
    }
}
