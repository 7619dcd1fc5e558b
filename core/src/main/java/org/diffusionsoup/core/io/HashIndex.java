package org.diffusionsoup.core.io;

import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;

/**
 * Finds all pairs of 64-bit hashes that differ in few bits, without comparing every pair: each hash
 * stands in four tables by its four 16-bit blocks. Two hashes that differ in at most r bits agree
 * in one block up to ⌊r / 4⌋ bits, so only the entries of those few neighbouring values are
 * compared.
 *
 * <p>Source: multi-index hashing, Norouzi, Punjani and Fleet, Fast Search in Hamming Space (2012).
 * Memory: 16 bytes per hash and 1 MiB.
 */
public final class HashIndex {
    /** The largest number of bits that may be asked for: three per block. */
    public static final int MOST_BITS = 15;

    private static final int BLOCKS = 4;
    private static final int WIDTH = 16;
    private static final int VALUES = 1 << WIDTH;

    private final long[] hashes;
    private final int[][] starts = new int[BLOCKS][];
    private final int[][] entries = new int[BLOCKS][];

    /** Told of a pair of hashes, each pair once; of one index, {@code first < second}. */
    @FunctionalInterface
    public interface Pairs {
        void pair(int first, int second, int bits);
    }

    /** Builds the tables; the array is not copied. */
    public HashIndex(long[] hashes) {
        this.hashes = hashes;
        for (int b = 0; b < BLOCKS; b++) {
            int[] start = new int[VALUES + 1];
            for (long h : hashes) {
                start[block(h, b) + 1]++;
            }
            for (int v = 0; v < VALUES; v++) {
                start[v + 1] += start[v];
            }
            int[] next = start.clone();
            int[] entry = new int[hashes.length];
            for (int i = 0; i < hashes.length; i++) {
                entry[next[block(hashes[i], b)]++] = i;
            }
            starts[b] = start;
            entries[b] = entry;
        }
    }

    private static int block(long hash, int b) {
        return (int) (hash >>> WIDTH * b) & VALUES - 1;
    }

    /**
     * Visits all pairs within a distance, ordered by the second and then by the order of discovery.
     *
     * @param most bits that may differ, 0 to {@link #MOST_BITS}
     * @return how many comparisons were made
     */
    public long pairs(int most, Pairs pairs) {
        int radius = radius(most);
        int[] masks = masks(radius);
        long compared = 0;
        for (int i = 0; i < hashes.length; i++) {
            for (int b = 0; b < BLOCKS; b++) {
                int value = block(hashes[i], b);
                for (int mask : masks) {
                    int near = value ^ mask;
                    for (int at = starts[b][near]; at < starts[b][near + 1]; at++) {
                        int j = entries[b][at];
                        // Entries of a value are in rising order: the rest are later rows.
                        if (j >= i) {
                            break;
                        }
                        compared++;
                        int bits = Long.bitCount(hashes[i] ^ hashes[j]);
                        if (bits <= most && firstBlock(hashes[i] ^ hashes[j], radius) == b) {
                            pairs.pair(j, i, bits);
                        }
                    }
                }
            }
        }
        return compared;
    }

    /**
     * Visits the hashes within a distance of some others, which need not be in the index.
     *
     * @param most bits that may differ, 0 to {@link #MOST_BITS}
     * @param pairs told of each: first the place in {@code others}, then the one in the index
     */
    public void near(long[] others, int most, Pairs pairs) {
        int radius = radius(most);
        int[] masks = masks(radius);
        for (int i = 0; i < others.length; i++) {
            for (int b = 0; b < BLOCKS; b++) {
                int value = block(others[i], b);
                for (int mask : masks) {
                    int at = value ^ mask;
                    for (int e = starts[b][at]; e < starts[b][at + 1]; e++) {
                        long difference = others[i] ^ hashes[entries[b][e]];
                        int bits = Long.bitCount(difference);
                        if (bits <= most && firstBlock(difference, radius) == b) {
                            pairs.pair(i, entries[b][e], bits);
                        }
                    }
                }
            }
        }
    }

    private static int radius(int most) {
        if (most < 0 || most > MOST_BITS) {
            throw new SoupException("`maxBits` must be 0 to " + MOST_BITS + ", not " + most + ".");
        }
        return most / BLOCKS;
    }

    /** The block in which a pair is found first, so that it is told once. */
    private static int firstBlock(long difference, int radius) {
        int b = 0;
        while (Integer.bitCount(block(difference, b)) > radius) {
            b++;
        }
        return b;
    }

    /** All 16-bit values with at most {@code radius} bits, fewest first. */
    private static int[] masks(int radius) {
        IntStream all = IntStream.empty();
        for (int bits = 0; bits <= radius; bits++) {
            int wanted = bits;
            all =
                    IntStream.concat(
                            all,
                            IntStream.range(0, VALUES).filter(v -> Integer.bitCount(v) == wanted));
        }
        return all.toArray();
    }
}
