package org.diffusionsoup.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a stored picture must be turned to stand upright: tag 274 of EXIF, the values 1 to 8. What is
 * damaged or says nothing counts as upright.
 */
public final class Orientation {
    static final int UPRIGHT = 1;

    private static final int TAG = 0x0112;
    private static final int ENTRY = 12;
    private static final Pattern XMP = Pattern.compile("tiff:Orientation(?:=\"|>)([1-8])");

    private Orientation() {}

    /**
     * Reads EXIF data.
     *
     * @param exif begins with the header of a TIFF file of either byte order, or with {@code Exif}
     *     and two zero bytes before it
     */
    static int ofExif(byte[] exif) {
        int start = startsWith(exif, 0, "Exif\0") ? 6 : 0;
        if (exif.length < start + 8) {
            return UPRIGHT;
        }
        ByteBuffer tiff = ByteBuffer.wrap(exif, start, exif.length - start).slice();
        int order = tiff.getShort(0) & 0xffff;
        if (order != 0x4949 && order != 0x4d4d) {
            return UPRIGHT;
        }
        tiff.order(order == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        long directory = tiff.getInt(4) & 0xffffffffL;
        if (tiff.getShort(2) != 42 || directory + 2 > tiff.limit()) {
            return UPRIGHT;
        }
        int entries = tiff.getShort((int) directory) & 0xffff;
        for (int i = 0; i < entries; i++) {
            long at = directory + 2 + (long) ENTRY * i;
            if (at + ENTRY > tiff.limit()) {
                return UPRIGHT;
            }
            if ((tiff.getShort((int) at) & 0xffff) == TAG) {
                return value(tiff, (int) at);
            }
        }
        return UPRIGHT;
    }

    /** A byte, a short or a long; cameras write a short, other programs have written the others. */
    private static int value(ByteBuffer tiff, int at) {
        long value =
                switch (tiff.getShort(at + 2)) {
                    case 1 -> tiff.get(at + 8) & 0xff;
                    case 3 -> tiff.getShort(at + 8) & 0xffff;
                    case 4 -> tiff.getInt(at + 8) & 0xffffffffL;
                    default -> UPRIGHT;
                };
        return value >= 1 && value <= 8 && tiff.getInt(at + 4) == 1 ? (int) value : UPRIGHT;
    }

    /** Reads the orientation that an XMP packet states. */
    static int ofXmp(String xmp) {
        Matcher matcher = XMP.matcher(xmp);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : UPRIGHT;
    }

    /** Whether what is stored as width is the upright picture's height. */
    static boolean swapsSides(int orientation) {
        return orientation >= 5;
    }

    /** The picture turned and mirrored until it is upright. */
    static RgbImage upright(RgbImage stored, int orientation) {
        if (orientation == UPRIGHT) {
            return stored;
        }
        boolean swaps = swapsSides(orientation);
        int width = swaps ? stored.height() : stored.width();
        int height = swaps ? stored.width() : stored.height();
        int lastX = stored.width() - 1;
        int lastY = stored.height() - 1;
        byte[] from = stored.pixels();
        byte[] to = new byte[from.length];
        for (int y = 0, at = 0; y < height; y++) {
            for (int x = 0; x < width; x++, at += 3) {
                int sx = swaps ? y : x;
                int sy = swaps ? x : y;
                // Where the upright picture's first column or row comes from the stored last one.
                if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
                    sx = lastX - sx;
                }
                if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
                    sy = lastY - sy;
                }
                System.arraycopy(from, 3 * (sy * stored.width() + sx), to, at, 3);
            }
        }
        return new RgbImage(width, height, to);
    }

    public static boolean startsWith(byte[] bytes, int at, String ascii) {
        byte[] wanted = ascii.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length - at < wanted.length) {
            return false;
        }
        for (int i = 0; i < wanted.length; i++) {
            if (bytes[at + i] != wanted[i]) {
                return false;
            }
        }
        return true;
    }
}
