package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.kernel.FastKernel;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * One tensor of a {@link RunningSoup}: the exact sum of some ingredients and the plain elements of
 * one more, held back so that it can still be taken or left.
 *
 * <p>F16 and F8 are summed as 32-bit integers that count 2^-24, F32 and BF16 as doubles. A block in
 * which that is not exact, or in which an ingredient is -0 (whose sign a mean of zeros depends on),
 * is marked and computed from the ingredients' files when it is read.
 */
final class RunningSum {
    /** Elements that are marked together. */
    static final int BLOCK = 1024;

    final TensorPlan plan;
    final DType dtype;
    final FloatFormat format;
    final FloatFormat sumFormat;
    final long elements;

    private final MemorySegment sum;
    private final MemorySegment held;

    /** Per block, not 0 where the sum is worthless; bytes, so that threads do not share words. */
    private final byte[] marked;

    RunningSum(TensorPlan plan, Arena arena) {
        this.plan = plan;
        this.dtype = plan.dtype();
        this.format = FloatFormat.of(dtype);
        this.elements = plan.byteSize() / dtype.bytes();
        this.sumFormat = FloatFormat.ofSum(List.of(format));
        boolean summed = format != FloatFormat.F64;
        this.sum = arena.allocate(summed ? elements * sumBytes() : 0, 64);
        this.held = arena.allocate(summed ? plan.byteSize() : 0, 64);
        this.marked = new byte[Math.toIntExact(Math.ceilDiv(elements, BLOCK))];
        if (!summed) {
            Arrays.fill(marked, (byte) 1);
        }
    }

    int sumBytes() {
        return sumFormat == FloatFormat.SUM_FIXED ? Integer.BYTES : Double.BYTES;
    }

    /** Whether there are a sum and a held ingredient at all. */
    boolean isSummed() {
        return held.byteSize() > 0 || elements == 0;
    }

    long memory() {
        return sum.byteSize() + held.byteSize() + marked.length;
    }

    boolean isMarked(long block) {
        return marked[(int) block] != 0;
    }

    int markedBlocks() {
        int n = 0;
        for (byte m : marked) {
            n += m;
        }
        return n;
    }

    /** The held ingredient's elements. */
    MemorySegment held(long from, int n) {
        return held.asSlice(from * dtype.bytes(), (long) n * dtype.bytes());
    }

    /** The sum's elements. */
    MemorySegment sum(long from, int n) {
        return sum.asSlice(from * sumBytes(), (long) n * sumBytes());
    }

    void clear() {
        sum.fill((byte) 0);
        if (isSummed()) {
            Arrays.fill(marked, (byte) 0);
        }
    }

    /** Adds to sums; for one thread. */
    static final class Adder {
        private final float[] floats = new float[BLOCK];
        private final short[] halves = new short[BLOCK];
        private final byte[] bytes = new byte[BLOCK];
        private final int[] fixed = new int[BLOCK];
        private final int[] sums = new int[BLOCK];
        private final double[] doubles = new double[BLOCK];
        private final double[] errors = new double[BLOCK];
        private final float[] least = new float[BLOCK];

        /**
         * Makes the sum q times itself plus d times the held ingredient, over whole blocks.
         *
         * @param from first element, a multiple of {@link #BLOCK}
         */
        void add(RunningSum t, long from, int n, int q, int d) {
            for (int at = 0; at < n; at += BLOCK) {
                int count = Math.min(BLOCK, n - at);
                int block = (int) ((from + at) / BLOCK);
                if (t.marked[block] == 0 && !addBlock(t, from + at, count, q, d)) {
                    t.marked[block] = 1;
                }
            }
        }

        /** False where the sum cannot be exact, which then is left as it was. */
        private boolean addBlock(RunningSum t, long from, int n, int q, int d) {
            MemorySegment w = t.held(from, n);
            switch (t.format) {
                case F16 -> {
                    MemorySegment.copy(w, FloatCodec.I16, 0, halves, 0, n);
                    halvesToFloats(halves, floats, n);
                }
                case BF16 -> {
                    MemorySegment.copy(w, FloatCodec.I16, 0, halves, 0, n);
                    brainToFloats(halves, floats, n);
                }
                case F32 -> MemorySegment.copy(w, FloatCodec.F32, 0, floats, 0, n);
                case F8_E4M3, F8_E5M2 -> {
                    MemorySegment.copy(w, ValueLayout.JAVA_BYTE, 0, bytes, 0, n);
                    for (int j = 0; j < n; j++) {
                        floats[j] = t.format.floatOf(bytes[j]);
                    }
                }
                case F64, SUM_FIXED, SUM_DOUBLE -> throw new AssertionError(t.format);
            }
            return t.sumFormat == FloatFormat.SUM_FIXED
                    ? addFixed(t.sum(from, n), n, q, d)
                    : addDoubles(t.sum(from, n), n, q, d);
        }

        private boolean addFixed(MemorySegment sum, int n, int q, int d) {
            toFixed(floats, fixed, n);
            int size = sizes(fixed, n);
            MemorySegment.copy(sum, FloatCodec.I32, 0, sums, 0, n);
            // Saturated conversions of what is too large, infinities among it, are seen here.
            long bound = (long) size * Math.abs((long) d) + (long) sizes(sums, n) * q;
            boolean odd = d != 0 && anyZero(fixed, n) && anyOddZero(n);
            if (bound > Integer.MAX_VALUE || odd) {
                return false;
            }
            if (q == 1) {
                addTimes(fixed, d, sums, n);
            } else {
                addTimes(fixed, d, sums, q, n);
            }
            MemorySegment.copy(sums, 0, sum, FloatCodec.I32, 0, n);
            return true;
        }

        private boolean addDoubles(MemorySegment sum, int n, int q, int d) {
            MemorySegment.copy(sum, FloatCodec.F64, 0, doubles, 0, n);
            Arrays.fill(errors, 0, n, 0);
            if (q != 1) {
                multiply(q, doubles, errors, n);
            }
            if (d != 0) {
                addWithErrors(floats, d, doubles, errors, n);
            }
            boolean odd = d != 0 && anyZero(floats, n) && anyOddZero(n);
            // True for NaN, too.
            if (anyNonZero(errors, n) || odd) {
                return false;
            }
            MemorySegment.copy(doubles, 0, sum, FloatCodec.F64, 0, n);
            return true;
        }

        /** Whether an element that became 0 was -0 or NaN. */
        private boolean anyOddZero(int n) {
            for (int j = 0; j < n; j++) {
                float f = floats[j];
                if (Float.isNaN(f) || (f == 0 && Float.floatToRawIntBits(f) != 0)) {
                    return true;
                }
            }
            return false;
        }

        private static void halvesToFloats(short[] in, float[] out, int n) {
            for (int j = 0; j < n; j++) {
                out[j] = Float.float16ToFloat(in[j]);
            }
        }

        private static void brainToFloats(short[] in, float[] out, int n) {
            for (int j = 0; j < n; j++) {
                out[j] = Float.intBitsToFloat(in[j] << 16);
            }
        }

        private static void toFixed(float[] in, int[] out, int n) {
            for (int j = 0; j < n; j++) {
                out[j] = (int) (in[j] * 0x1p24f);
            }
        }

        /** A bound on all magnitudes: at least the largest, below twice as much. */
        private static int sizes(int[] in, int n) {
            int all = 0;
            for (int j = 0; j < n; j++) {
                all |= in[j] ^ (in[j] >> 31);
            }
            return all == Integer.MAX_VALUE ? all : all + 1;
        }

        private static boolean anyZero(int[] in, int n) {
            int all = -1;
            for (int j = 0; j < n; j++) {
                all &= in[j] | -in[j];
            }
            return all >= 0;
        }

        /** Folds instead of reducing, which the compiler vectorises; overwrites the errors. */
        private static boolean anyNonZero(double[] error, int n) {
            Arrays.fill(error, n, BLOCK, 0);
            for (int half = BLOCK / 2; half >= 1; half /= 2) {
                addHalf(error, half);
            }
            return error[0] != 0;
        }

        private static void addHalf(double[] all, int half) {
            for (int j = 0; j < half; j++) {
                all[j] += all[j + half];
            }
        }

        private boolean anyZero(float[] in, int n) {
            Arrays.fill(least, n, BLOCK, 1);
            for (int j = 0; j < n; j++) {
                least[j] = Math.abs(in[j]);
            }
            for (int half = BLOCK / 2; half >= 1; half /= 2) {
                minHalf(least, half);
            }
            return least[0] == 0;
        }

        private static void minHalf(float[] all, int half) {
            for (int j = 0; j < half; j++) {
                all[j] = Math.min(all[j], all[j + half]);
            }
        }

        private static void addTimes(int[] in, int d, int[] sum, int n) {
            for (int j = 0; j < n; j++) {
                sum[j] += d * in[j];
            }
        }

        private static void addTimes(int[] in, int d, int[] sum, int q, int n) {
            for (int j = 0; j < n; j++) {
                sum[j] = q * sum[j] + d * in[j];
            }
        }

        /** TwoSum, as in {@link FastKernel}; products are exact: 24 bits times less than 2^29. */
        private static void addWithErrors(
                float[] in, double d, double[] sum, double[] error, int n) {
            for (int j = 0; j < n; j++) {
                double p = d * in[j];
                double s = sum[j];
                double t = s + p;
                double z = t - s;
                error[j] += Math.abs((s - (t - z)) + (p - z));
                sum[j] = t;
            }
        }

        private static void multiply(double q, double[] sum, double[] error, int n) {
            for (int j = 0; j < n; j++) {
                double s = sum[j];
                double p = q * s;
                error[j] += Math.abs(Math.fma(q, s, -p));
                sum[j] = p;
            }
        }
    }
}
