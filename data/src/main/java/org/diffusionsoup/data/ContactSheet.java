package org.diffusionsoup.data;

import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/** Lays pictures out in a grid, to look at many at once. */
public final class ContactSheet {
    private static final int GAP = 2;
    private static final long MAX_BYTES = 1L << 29;

    private ContactSheet() {}

    /**
     * A grid on light grey, row by row, with a gap of two pixels.
     *
     * @param images all of the same size, at least one
     * @param columns at least 1
     * @throws SoupException if sizes differ, or the sheet would have over 512 MiB of pixels
     */
    public static RgbImage of(List<RgbImage> images, int columns) {
        if (images.isEmpty() || columns < 1) {
            throw new SoupException("a contact sheet needs at least one picture and one column");
        }
        int width = images.getFirst().width();
        int height = images.getFirst().height();
        int across = Math.min(columns, images.size());
        int down = (images.size() + columns - 1) / columns;
        long sheetWidth = (long) across * (width + GAP) + GAP;
        long sheetHeight = (long) down * (height + GAP) + GAP;
        long bytes = 3 * sheetWidth * sheetHeight;
        if (bytes > MAX_BYTES) {
            throw new SoupException(
                    "a contact sheet of %,d pictures would be %,dx%,d pixels; show fewer or smaller"
                            .formatted(images.size(), sheetWidth, sheetHeight));
        }
        byte[] pixels = new byte[(int) bytes];
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
                        3 * ((top + y) * (int) sheetWidth + left),
                        3 * width);
            }
        }
        return new RgbImage((int) sheetWidth, (int) sheetHeight, pixels);
    }
}
