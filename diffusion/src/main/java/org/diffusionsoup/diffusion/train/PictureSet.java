package org.diffusionsoup.diffusion.train;

import java.util.function.IntPredicate;
import org.diffusionsoup.diffusion.torch.Tensor;

/** Pictures of one size held as bytes, handed out as float batches. */
public final class PictureSet {
    private final byte[][] hwc;
    private final int width;
    private final int height;

    /**
     * @param hwc one array per picture, rows of RGB bytes
     */
    public PictureSet(byte[][] hwc, int width, int height) {
        for (int i = 0; i < hwc.length; i++) {
            if (hwc[i].length != 3 * width * height) {
                throw new TrainingException(
                        "picture " + i + " is not " + width + "×" + height + " RGB");
            }
        }
        this.hwc = hwc;
        this.width = width;
        this.height = height;
    }

    public int count() {
        return hwc.length;
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The given pictures in [-1, 1] as (N, 3, H, W). */
    public Tensor batch(int... rows) {
        return batch(rows, i -> false);
    }

    /** As above, with the i-th picture of the batch mirrored where {@code mirror} says so. */
    public Tensor batch(int[] rows, IntPredicate mirror) {
        float[] out = new float[rows.length * 3 * width * height];
        int plane = width * height;
        for (int n = 0; n < rows.length; n++) {
            byte[] p = hwc[rows[n]];
            boolean flip = mirror.test(n);
            int base = n * 3 * plane;
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    int from = 3 * (y * width + (flip ? width - 1 - x : x));
                    int to = base + y * width + x;
                    out[to] = (p[from] & 255) / 127.5f - 1;
                    out[to + plane] = (p[from + 1] & 255) / 127.5f - 1;
                    out[to + 2 * plane] = (p[from + 2] & 255) / 127.5f - 1;
                }
            }
        }
        return Tensor.of(out, rows.length, 3, height, width);
    }
}
