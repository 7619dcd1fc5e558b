package org.diffusionsoup.data;

import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/** Lays pictures out in a grid, to look at many at once. */
public final class ContactSheet {
    private static final int GAP = 2;

    private ContactSheet() {}

    /**
     * A grid on light grey, row by row, with a gap of two pixels.
     *
     * @param images all of the same size, at least one
     * @param columns at least 1
     */
    public static RgbImage of(List<RgbImage> images, int columns) {
        if (images.isEmpty() || columns < 1) {
            throw new SoupException("a contact sheet needs at least one picture and one column");
        }
        int width = images.getFirst().width();
        int height = images.getFirst().height();
        int across = Math.min(columns, images.size());
        int down = (images.size() + columns - 1) / columns;
        int sheetWidth = across * (width + GAP) + GAP;
        int sheetHeight = down * (height + GAP) + GAP;
        byte[] pixels =
                new byte[Math.multiplyExact(3, Math.multiplyExact(sheetWidth, sheetHeight))];
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
}
