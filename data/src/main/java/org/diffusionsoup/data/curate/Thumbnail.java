package org.diffusionsoup.data.curate;

import org.diffusionsoup.image.RgbImage;

/**
 * A picture at 16×16 pixels in colour, to see whether two pictures with similar hashes really look
 * alike: the hash knows no colour and only coarse shapes.
 */
public final class Thumbnail {
    private static final int SIDE = 16;

    /** A difference in overall brightness up to this, of 255, is forgiven. */
    private static final double FORGIVEN = 26;

    private static final int CHANNELS = 3;

    private final byte[] pixels;

    private Thumbnail(byte[] pixels) {
        this.pixels = pixels;
    }

    /** Shrinks a picture of any size; 768 bytes. */
    public static Thumbnail of(RgbImage picture) {
        return new Thumbnail(picture.resized(SIDE, SIDE).pixels());
    }

    /**
     * Root mean square difference over pixels and channels, in [0, 1], after the pictures' overall
     * brightnesses were brought together by up to a tenth of the range.
     */
    public double difference(Thumbnail other) {
        double sum = 0;
        for (int i = 0; i < pixels.length; i++) {
            sum += (pixels[i] & 0xff) - (other.pixels[i] & 0xff);
        }
        double shift = Math.clamp(sum / pixels.length, -FORGIVEN, FORGIVEN);
        double squares = 0;
        for (int i = 0; i < pixels.length; i++) {
            double d = (pixels[i] & 0xff) - (other.pixels[i] & 0xff) - shift;
            squares += d * d;
        }
        return Math.sqrt(squares / pixels.length) / 255;
    }

    /**
     * Root mean square deviation of the pixels from the picture's mean colour, in [0, 1]: a small
     * or pale shape leaves little, so that two of them differ by little too.
     */
    public double contrast() {
        double[] mean = new double[CHANNELS];
        for (int i = 0; i < pixels.length; i++) {
            mean[i % CHANNELS] += (double) CHANNELS * (pixels[i] & 0xff) / pixels.length;
        }
        double squares = 0;
        for (int i = 0; i < pixels.length; i++) {
            double d = (pixels[i] & 0xff) - mean[i % CHANNELS];
            squares += d * d;
        }
        return Math.sqrt(squares / pixels.length) / 255;
    }
}
