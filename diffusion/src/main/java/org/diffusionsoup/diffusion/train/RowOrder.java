package org.diffusionsoup.diffusion.train;

import java.util.SplittableRandom;
import org.diffusionsoup.diffusion.torch.Rng;

/**
 * Which rows a batch holds: every row once per epoch, in an order that depends on seed and epoch
 * alone, so that a resumed run sees what the uninterrupted one would.
 */
final class RowOrder {
    private final int rows;
    private final long seed;
    private long epoch = -1;
    private int[] order = {};

    RowOrder(int rows, long seed) {
        this.rows = rows;
        this.seed = seed;
    }

    /** Rows {@code first} to {@code first + count - 1} of the endless sequence of epochs. */
    int[] take(long first, int count) {
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
        epoch = wanted;
    }
}
