package org.diffusionsoup.diffusion.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.torch.Rng;

/**
 * Which rows a batch holds: every row once per epoch, in an order that depends on seed and epoch
 * alone, so that a resumed run sees what the uninterrupted one would.
 *
 * <p>Without buckets the epochs follow each other without a seam: a batch may hold the last rows of
 * one and the first of the next. With buckets, as in kohya's sd-scripts ({@code BaseDataset} of
 * {@code train_util.py}), the rows of each bucket come in the epoch's order and are cut into
 * batches, the last of which holds what is left; then the batches are put into an order of their
 * own. So an epoch of n_b rows in bucket b has Σ ⌈n_b / batch⌉ batches, and every row comes in one
 * of them.
 */
final class RowOrder {
    private final int rows;
    private final int batch;
    private final long seed;
    private final Optional<int[]> buckets;
    private final int batchesPerEpoch;
    private long epoch = -1;
    private int[] order = {};
    private List<int[]> batches = List.of();

    /**
     * @param rows at least 1
     * @param batch rows of a full batch
     * @param buckets the bucket of each row, from 0; empty where any rows may make a batch
     */
    RowOrder(int rows, int batch, Optional<int[]> buckets, long seed) {
        this.rows = rows;
        this.batch = batch;
        this.buckets = buckets;
        this.seed = seed;
        this.batchesPerEpoch =
                buckets.map(b -> Arrays.stream(sizes(b)).map(n -> Math.ceilDiv(n, batch)).sum())
                        .orElse(0);
    }

    /**
     * The rows of a batch.
     *
     * @param index how many batches of the run come before it
     * @return as many as a batch has; with buckets one at least, all of one bucket
     */
    int[] batch(long index) {
        if (buckets.isEmpty()) {
            return take(index * batch, batch);
        }
        shuffle(index / batchesPerEpoch);
        return batches.get((int) (index % batchesPerEpoch));
    }

    /**
     * Rows of several batches together.
     *
     * @param from index of the first one
     * @param to one more than that of the last one
     */
    long count(long from, long to) {
        if (buckets.isEmpty()) {
            return (to - from) * batch;
        }
        long rows = 0;
        for (long i = from; i < to; i++) {
            rows += batch(i).length;
        }
        return rows;
    }

    /** Rows {@code first} to {@code first + count - 1} of the endless sequence of epochs. */
    private int[] take(long first, int count) {
        int[] out = new int[count];
        for (int i = 0; i < count; i++) {
            long at = first + i;
            shuffle(at / rows);
            out[i] = order[(int) (at % rows)];
        }
        return out;
    }

    private void shuffle(long wanted) {
        if (wanted == epoch) {
            return;
        }
        SplittableRandom random = new SplittableRandom(Rng.mix(seed, wanted));
        int[] o = new int[rows];
        for (int i = 0; i < rows; i++) {
            int j = random.nextInt(i + 1);
            o[i] = o[j];
            o[j] = i;
        }
        order = o;
        buckets.ifPresent(b -> batches = cut(b, random));
        epoch = wanted;
    }

    private List<int[]> cut(int[] bucketOf, SplittableRandom random) {
        int[][] sorted = Arrays.stream(sizes(bucketOf)).mapToObj(int[]::new).toArray(int[][]::new);
        int[] filled = new int[sorted.length];
        for (int row : order) {
            int b = bucketOf[row];
            sorted[b][filled[b]++] = row;
        }
        List<int[]> out = new ArrayList<>();
        for (int[] bucket : sorted) {
            for (int from = 0; from < bucket.length; from += batch) {
                int[] some =
                        Arrays.copyOfRange(bucket, from, Math.min(bucket.length, from + batch));
                out.add(some);
            }
        }
        for (int i = out.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int[] other = out.get(j);
            out.set(j, out.get(i));
            out.set(i, other);
        }
        return out;
    }

    private static int[] sizes(int[] bucketOf) {
        int[] n = new int[Arrays.stream(bucketOf).max().orElse(-1) + 1];
        for (int b : bucketOf) {
            n[b]++;
        }
        return n;
    }
}
