package org.diffusionsoup.diffusion.nn;

import java.util.List;

/**
 * Checks of a config's numbers against their ranges. The bounds lie far beyond every published
 * model; they keep a typing error or a damaged file from taking memory or giving another picture.
 */
public final class Ranges {
    /** Most channels, or width of a layer. */
    public static final int WIDTH = 1 << 14;

    /** Most layers, or blocks, one after the other. */
    public static final int LAYERS = 256;

    /** Most tokens of a sequence, or patches of a picture. */
    public static final int TOKENS = 1 << 16;

    /** Most entries of a table of tokens. */
    public static final int VOCABULARY = 1 << 22;

    /** Longest side of a picture in pixels. */
    public static final int SIDE = 1 << 13;

    private Ranges() {}

    /**
     * @throws UnsupportedConfigException naming field, value and range if the value lies outside
     */
    public static void check(String field, long value, long min, long max) {
        if (value < min || value > max) {
            throw new UnsupportedConfigException(
                    "%s is %d, it must be %d to %d".formatted(field, value, min, max));
        }
    }

    /** As above, for each of a list. */
    public static void check(String field, List<Integer> values, long min, long max) {
        values.forEach(v -> check(field, v, min, max));
    }

    /**
     * As above, for numbers; NaN lies outside of every range.
     *
     * @param min the least value, allowed itself
     */
    public static void check(String field, double value, double min, double max) {
        if (!(value >= min && value <= max)) {
            throw new UnsupportedConfigException(
                    "%s is %s, it must be %s to %s".formatted(field, value, min, max));
        }
    }

    /** The epsilon of a normalisation: over 0, below 1. */
    public static void epsilon(String field, double value) {
        check(field, value, Double.MIN_NORMAL, 1);
    }

    /**
     * @throws UnsupportedConfigException naming both fields if the second does not divide the first
     */
    public static void divides(String field, long value, String part, long by) {
        if (by < 1 || value % by != 0) {
            throw new UnsupportedConfigException(
                    "%s %d is not a multiple of %s %d".formatted(field, value, part, by));
        }
    }
}
