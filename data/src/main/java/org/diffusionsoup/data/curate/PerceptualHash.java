package org.diffusionsoup.data.curate;

import java.util.Arrays;
import org.diffusionsoup.image.RgbImage;

/**
 * A 64-bit hash that stays nearly the same when a picture is stored again, scaled, or made a little
 * brighter: the signs, against their median, of the 64 lowest frequencies of its luma.
 *
 * <p>Source: the "pHash" of Zauner, Implementation and Benchmarking of Perceptual Image Hash
 * Functions (2010), section 3.2: 32×32 luma, DCT-II, 8×8 low frequencies, median. The constant term
 * carries the brightness and is left out of the median. A coefficient counts as above the median
 * only if it is so by a margin.
 */
public final class PerceptualHash {
    private static final int SIDE = 32;
    private static final int LOW = 8;
    private static final int LEAST_BITS = 4;

    /** Of the root mean square of the coefficients; 0 loses 5 % of re-encoded icons. */
    private static final double MARGIN = 0.05;

    private static final double[][] COSINES = cosines();

    private PerceptualHash() {}

    /** The hash of a picture of any size; its aspect ratio is not looked at. */
    public static long of(RgbImage picture) {
        RgbImage small = picture.resized(SIDE, SIDE);
        double[][] luma = new double[SIDE][SIDE];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                // ITU-R BT.601, as JPEG has it.
                luma[y][x] =
                        0.299 * small.channel(x, y, 0)
                                + 0.587 * small.channel(x, y, 1)
                                + 0.114 * small.channel(x, y, 2);
            }
        }
        double[] low = lowFrequencies(luma);
        double[] sorted = Arrays.copyOfRange(low, 1, low.length);
        Arrays.sort(sorted);
        double median = sorted[sorted.length / 2];
        double squares = 0;
        for (double value : sorted) {
            squares += value * value;
        }
        // In symmetric pictures half the coefficients are nothing but noise about 0, which is often
        // the median, too; a margin keeps their bits still.
        double margin = MARGIN * Math.sqrt(squares / sorted.length) + 1e-6;
        long hash = 0;
        for (int i = 0; i < low.length; i++) {
            if (low[i] > median + margin) {
                hash |= 1L << i;
            }
        }
        return hash;
    }

    /**
     * Whether a hash says nothing: of a picture of one colour, or hardly more, which all have
     * nearly the same.
     */
    public static boolean isPlain(long hash) {
        return Long.bitCount(hash) < LEAST_BITS;
    }

    /** How many bits differ, 0 to 64. */
    public static int distance(long a, long b) {
        return Long.bitCount(a ^ b);
    }

    private static double[] lowFrequencies(double[][] luma) {
        double[][] rows = new double[SIDE][LOW];
        for (int y = 0; y < SIDE; y++) {
            for (int u = 0; u < LOW; u++) {
                double sum = 0;
                for (int x = 0; x < SIDE; x++) {
                    sum += luma[y][x] * COSINES[u][x];
                }
                rows[y][u] = sum;
            }
        }
        double[] out = new double[LOW * LOW];
        for (int v = 0; v < LOW; v++) {
            for (int u = 0; u < LOW; u++) {
                double sum = 0;
                for (int y = 0; y < SIDE; y++) {
                    sum += rows[y][u] * COSINES[v][y];
                }
                out[v * LOW + u] = sum;
            }
        }
        return out;
    }

    private static double[][] cosines() {
        double[][] table = new double[LOW][SIDE];
        for (int u = 0; u < LOW; u++) {
            for (int x = 0; x < SIDE; x++) {
                table[u][x] = StrictMath.cos((2 * x + 1) * u * Math.PI / (2 * SIDE));
            }
        }
        return table;
    }
}
