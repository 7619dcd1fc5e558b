package org.diffusionsoup.workbench.judges.train;

import java.util.Locale;
import java.util.random.RandomGenerator;
import org.diffusionsoup.image.RgbImage;

/** Known ways to make a picture, or what is said of it, worse; each by a level from 0 to 1. */
public enum Degradation {
    /** The caption of another subject in the same style; has no levels. */
    WRONG_CAPTION,
    /** Gaussian noise on every byte, of standard deviation up to 90. */
    NOISE,
    /** Blur of up to four passes of a box of 5×5. */
    BLUR,
    /** Hue turned by up to half a circle. */
    COLOUR_SHIFT,
    /**
     * The base's own incomplete drawing: noise added in latent space up to the level's share of the
     * noise schedule, taken back by the denoiser in a single step. Made by {@link PartialDenoiser}.
     */
    PARTIAL_DENOISING;

    private static final double NOISE_DEVIATION = 90;
    private static final int BLUR_PASSES = 4;

    /** In words. */
    public String words() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    /** Whether {@link #apply} makes it from the picture alone. */
    public boolean isOnPixels() {
        return this == NOISE || this == BLUR || this == COLOUR_SHIFT;
    }

    /**
     * The worse picture.
     *
     * @param level 0 gives the picture itself, 1 the worst in training; noise may be stronger
     * @param random for noise
     * @throws IllegalStateException for a degradation that is not one of pixels alone
     */
    public RgbImage apply(RgbImage image, double level, RandomGenerator random) {
        return switch (this) {
            case NOISE -> noise(image, NOISE_DEVIATION * level, random);
            case BLUR -> blur(image, level);
            case COLOUR_SHIFT -> turnHue(image, Math.PI * level);
            case WRONG_CAPTION, PARTIAL_DENOISING ->
                    throw new IllegalStateException(this + " is not made from pixels alone");
        };
    }

    private static RgbImage noise(RgbImage image, double deviation, RandomGenerator random) {
        byte[] out = image.pixels().clone();
        for (int i = 0; i < out.length; i++) {
            out[i] = clampByte((out[i] & 255) + deviation * random.nextGaussian());
        }
        return new RgbImage(image.width(), image.height(), out);
    }

    /** Whole passes, and a last one mixed in by what is left of the level. */
    private static RgbImage blur(RgbImage image, double level) {
        double left = BLUR_PASSES * level;
        RgbImage out = image;
        while (left > 0) {
            out = mix(out, box(out), Math.min(1, left));
            left -= 1;
        }
        return out;
    }

    private static RgbImage mix(RgbImage a, RgbImage b, double share) {
        byte[] out = new byte[a.pixels().length];
        for (int i = 0; i < out.length; i++) {
            out[i] = clampByte((1 - share) * (a.pixels()[i] & 255) + share * (b.pixels()[i] & 255));
        }
        return new RgbImage(a.width(), a.height(), out);
    }

    private static RgbImage box(RgbImage image) {
        int w = image.width();
        int h = image.height();
        float[] rows = new float[3 * w * h];
        byte[] p = image.pixels();
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                for (int c = 0; c < 3; c++) {
                    float sum = 0;
                    for (int d = -2; d <= 2; d++) {
                        sum += p[3 * (y * w + Math.clamp(x + d, 0, w - 1)) + c] & 255;
                    }
                    rows[3 * (y * w + x) + c] = sum / 5;
                }
            }
        }
        byte[] out = new byte[p.length];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                for (int c = 0; c < 3; c++) {
                    float sum = 0;
                    for (int d = -2; d <= 2; d++) {
                        sum += rows[3 * (Math.clamp(y + d, 0, h - 1) * w + x) + c];
                    }
                    out[3 * (y * w + x) + c] = clampByte(sum / 5);
                }
            }
        }
        return new RgbImage(w, h, out);
    }

    /** A rotation about the grey axis, which turns hues and keeps greys. */
    private static RgbImage turnHue(RgbImage image, double angle) {
        double cos = Math.cos(angle);
        double third = (1 - cos) / 3;
        double side = Math.sqrt(1.0 / 3) * Math.sin(angle);
        double a = cos + third;
        double b = third - side;
        double c = third + side;
        byte[] p = image.pixels();
        byte[] out = new byte[p.length];
        for (int i = 0; i < p.length; i += 3) {
            double red = p[i] & 255;
            double green = p[i + 1] & 255;
            double blue = p[i + 2] & 255;
            out[i] = clampByte(a * red + b * green + c * blue);
            out[i + 1] = clampByte(c * red + a * green + b * blue);
            out[i + 2] = clampByte(b * red + c * green + a * blue);
        }
        return new RgbImage(image.width(), image.height(), out);
    }

    private static byte clampByte(double v) {
        return (byte) Math.clamp(Math.round(v), 0, 255);
    }
}
