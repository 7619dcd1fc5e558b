package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * Means of F32 ingredients from the sums of {@link SpanSums}. The quotient is {@link FastKernel}'s,
 * and so are the blocks that SpanSums leaves.
 */
final class SpanKernel implements AverageKernel {
    private static final int BLOCK = SpanSums.BLOCK;

    private final SpanSums sums;
    private final double total;
    private final boolean powerOfTwo;
    private final FastKernel fast;
    private final float[] floats = new float[BLOCK];
    private final MemorySegment floatsMemory = MemorySegment.ofArray(floats);

    /** Whether the proof holds for these formats and coefficients. */
    static boolean suits(Spec spec) {
        boolean floats = spec.out() == FloatFormat.F32;
        long size = 0;
        for (int i = 0; i < spec.in().size(); i++) {
            floats &= spec.in().get(i) == FloatFormat.F32;
            size += Math.abs(spec.a().get(i));
        }
        // 24 bits of a value and 29 of a coefficient fit a double; so does the quotient, as
        // FastKernel says, and none can pass the largest float where no coefficient is negative.
        return floats && !spec.mayOverflow() && size < 1L << 29 && spec.total() < 1L << 29;
    }

    SpanKernel(Spec spec) {
        this.sums = new SpanSums(spec.a().stream().mapToDouble(Long::doubleValue).toArray());
        this.total = spec.total();
        this.powerOfTwo = Long.bitCount(spec.total()) == 1;
        this.fast = new FastKernel(spec);
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            if (sums.add(inputs, at, n)) {
                if (powerOfTwo) {
                    scale(sums.doubles(), 1 / total, floats, n);
                } else {
                    divide(sums.doubles(), total, floats, n);
                }
                FloatCodec.store32(floatsMemory, out, at * 4L, n);
            } else if (!fast.block(inputs, out, at, n)) {
                return false;
            }
        }
        return true;
    }

    private static void divide(double[] sum, double total, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = (float) (sum[j] / total);
        }
    }

    private static void scale(double[] sum, double by, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = (float) (sum[j] * by);
        }
    }
}
