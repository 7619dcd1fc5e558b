package org.diffusionsoup.data.curate;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;

/** Ways to cut rows into parts: an array with each row's part, 0 for the first. */
public final class Parts {
    private Parts() {}

    /**
     * Quantiles by falling score, as the paper's AE1 to AE5 (Section 6.1): part 0 has the highest.
     * Sizes differ by one at most, larger parts first; of equal scores the earlier row ranks
     * higher.
     *
     * @param parts 1 to the number of rows
     */
    public static int[] quantiles(Scores scores, int parts) {
        check(scores.size(), parts);
        long[] order = new long[scores.size()];
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        // Sorted by score without an object per row: the high half is the score's rank key.
        double[] sorted = new double[scores.size()];
        for (int i = 0; i < sorted.length; i++) {
            // 0.0 - s makes no negative zero of zero, which would sort before it.
            sorted[i] = 0.0 - scores.get(i);
        }
        double[] values = sorted.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < order.length; i++) {
            order[i] = (long) rank(sorted, values[i]) << 32 | i;
        }
        Arrays.sort(order);
        int[] part = new int[order.length];
        for (int position = 0; position < order.length; position++) {
            part[(int) order[position]] = partAt(position, order.length, parts);
        }
        return part;
    }

    private static int rank(double[] sorted, double value) {
        int low = 0;
        int high = sorted.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (sorted[middle] < value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /**
     * Random parts whose sizes differ by one at most; the same for the same numbers.
     *
     * @param rows how many
     * @param parts 1 to the number of rows
     */
    public static int[] random(int rows, int parts, long seed) {
        check(rows, parts);
        int[] order = IntStream.range(0, rows).toArray();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = rows - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        int[] part = new int[rows];
        for (int position = 0; position < rows; position++) {
            part[order[position]] = partAt(position, rows, parts);
        }
        return part;
    }

    /** Positions are dealt out in order: the first {@code rows % parts} parts have one more. */
    private static int partAt(int position, int rows, int parts) {
        int small = rows / parts;
        int larger = rows % parts;
        int before = larger * (small + 1);
        return position < before ? position / (small + 1) : larger + (position - before) / small;
    }

    private static void check(int rows, int parts) {
        if (parts < 1) {
            throw new SoupException("`shards` must be at least 1, not " + parts + ".");
        }
        if (parts > rows) {
            throw new SoupException(
                    "%d rows cannot be cut into %d shards; ask for fewer.".formatted(rows, parts));
        }
    }
}
