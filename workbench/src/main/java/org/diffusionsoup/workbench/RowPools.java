package org.diffusionsoup.workbench;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import org.diffusionsoup.diffusion.torch.Torch;
import org.jspecify.annotations.Nullable;

/**
 * An endless sequence of rows, cut into pools that are made when training comes to them. A pool is
 * used for several epochs, because making it costs time; what a run sees depends on the sequence
 * alone, so that a resumed run sees the same.
 *
 * @param <T> a row
 */
public final class RowPools<T> {
    private final LongFunction<T> rows;
    private final int size;
    private final int epochs;
    private @Nullable CompletableFuture<List<T>> ahead;
    private long aheadNumber;

    /**
     * @param rows makes row 0, 1, 2, …, the same whenever it is asked, by several threads at once
     * @param size rows in a pool
     * @param epochs how often every row of a pool is used before the next pool
     */
    public RowPools(LongFunction<T> rows, int size, int epochs) {
        this.rows = rows;
        this.size = size;
        this.epochs = epochs;
    }

    /** Pools no larger than a whole run needs. */
    public static <T> RowPools<T> forRun(LongFunction<T> rows, long needed, int most, int epochs) {
        return new RowPools<>(rows, (int) Math.min(most, needed), epochs);
    }

    /** Rows in a pool. */
    public int size() {
        return size;
    }

    /** Which pool a batch belongs to; a pool must be a whole number of batches. */
    public long poolOf(long batch, int batchSize) {
        if (size % batchSize != 0) {
            throw new IllegalArgumentException(
                    "a pool of " + size + " is no whole number of batches of " + batchSize);
        }
        return batch * batchSize / ((long) size * epochs);
    }

    /**
     * Makes the rows of a pool, on all processors. Where an accelerator trains, the processors then
     * go on with the pool that comes next; where they train themselves, they are left to it.
     */
    public List<T> pool(long number) {
        CompletableFuture<List<T>> ready = ahead;
        List<T> pool = ready != null && aheadNumber == number ? ready.join() : make(number);
        ahead = null;
        if (!Torch.device().isCpu()) {
            aheadNumber = number + 1;
            ahead = CompletableFuture.supplyAsync(() -> make(number + 1));
        }
        return pool;
    }

    private List<T> make(long number) {
        return LongStream.range(number * size, (number + 1) * size)
                .parallel()
                .mapToObj(rows)
                .toList();
    }
}
