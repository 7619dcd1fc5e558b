package org.diffusionsoup.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.WritableRaster;

/**
 * The screen of a GIF and where its first frame lies; the JDK's reader gives the frame alone.
 *
 * @param width pixels of the screen, or as many as the frame reaches
 * @param height the same of rows
 * @param left the frame's first column
 * @param top its first row
 */
record GifScreen(int width, int height, int left, int top) {
    private static final int HEADER = 13;
    private static final int EXTENSION = 0x21;
    private static final int FRAME = 0x2c;

    static boolean isGif(byte[] file) {
        return Orientation.startsWith(file, 0, "GIF8");
    }

    /** Of a file whose frame is missing or cut off, the screen alone. */
    static GifScreen of(byte[] file) {
        if (file.length < HEADER) {
            return new GifScreen(0, 0, 0, 0);
        }
        int width = word(file, 6);
        int height = word(file, 8);
        int flags = file[10];
        int at = HEADER + ((flags & 0x80) == 0 ? 0 : 3 << (flags & 7) + 1);
        while (at + 1 < file.length && file[at] == EXTENSION) {
            at += 2;
            while (at < file.length && file[at] != 0) {
                at += 1 + (file[at] & 0xff);
            }
            at++;
        }
        if (at + 9 > file.length || file[at] != FRAME) {
            return new GifScreen(width, height, 0, 0);
        }
        int left = word(file, at + 1);
        int top = word(file, at + 3);
        return new GifScreen(
                Math.max(width, left + word(file, at + 5)),
                Math.max(height, top + word(file, at + 7)),
                left,
                top);
    }

    private static int word(byte[] file, int at) {
        return file[at] & 0xff | (file[at + 1] & 0xff) << 8;
    }

    /** The screen with the frame: around it, as PIL has it, what is transparent, or index 0. */
    BufferedImage with(BufferedImage frame) {
        if (frame.getWidth() == width && frame.getHeight() == height
                || !(frame.getColorModel() instanceof IndexColorModel colours)) {
            return frame;
        }
        WritableRaster screen = colours.createCompatibleWritableRaster(width, height);
        int ground = Math.max(0, colours.getTransparentPixel());
        for (int y = 0; y < height && ground > 0; y++) {
            for (int x = 0; x < width; x++) {
                screen.setSample(x, y, 0, ground);
            }
        }
        screen.setRect(left, top, frame.getRaster());
        return new BufferedImage(colours, screen, false, null);
    }
}
