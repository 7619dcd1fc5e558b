package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * Means of 16- and 8-bit ingredients, and of a kept sum of such, in float arithmetic, twice as many
 * elements to a vector as {@link FastKernel} has.
 *
 * <p>Sums run in float with every addition's rounding error computed beside it (Knuth's TwoSum);
 * products with the coefficients are exact. Where all errors are 0 the float sum s is the exact
 * sum, and then {@code (s / total)} rounded to float and once more to the output is the exact mean
 * rounded once. For let s = m 2^k with |m| < 2^24, q = s / total in [2^e, 2^(e+1)), and h the
 * midpoint of two outputs next to q. If q is not h, then |q - h| = |s - total h| / total, whose
 * numerator is a multiple of 2^k or of h's last bit, 2^(e - precision) or more. In the first case
 * total 2^e <= |s| < 2^(k+24) gives |q - h| > 2^(e-24); in the second total < 2^(24 - precision)
 * does. Half a unit of q as a float is 2^(e-24), so rounding q to float cannot reach h from either
 * side. Other elements go to {@link CarefulElement}.
 */
final class NarrowKernel implements AverageKernel {
    /** Elements at a time: what the loops work on stays in the processor's first cache. */
    static final int BLOCK = 1024;

    private static final int FLOAT = 24;

    /** Below this a quotient could lose bits as a subnormal float. */
    private static final float SMALL = 0x1p-80f;

    private static final float BELOW_2_31 = Math.nextDown(0x1p31f);

    private final FloatFormat[] in;
    private final FloatFormat format;
    private final float[] a;
    private final float total;
    private final float limit;
    private final boolean maySubnormal;
    private final CarefulElement careful;

    private final float[] sum = new float[BLOCK];
    private final float[] error = new float[BLOCK];
    private final float[] x = new float[BLOCK];
    private final int[] bits = new int[BLOCK];
    private final short[] halves = new short[BLOCK];
    private final byte[] bytes = new byte[BLOCK];
    private final float[] folded = new float[BLOCK / 2];
    private final MemorySegment sumMemory = MemorySegment.ofArray(sum);
    private final MemorySegment xMemory = MemorySegment.ofArray(x);
    private final MemorySegment bitsMemory = MemorySegment.ofArray(bits);
    private final MemorySegment halvesMemory = MemorySegment.ofArray(halves);

    /** Whether the proof above holds for these formats and coefficients. */
    static boolean suits(Spec spec) {
        long largest = spec.a().stream().mapToLong(Math::abs).max().orElse(1);
        int coefficientBits = Long.SIZE - Long.numberOfLeadingZeros(largest);
        boolean products =
                spec.in().stream()
                        .allMatch(f ->
                                f == FloatFormat.SUM_FIXED
                                        || (!f.isSum() && f.precision + coefficientBits <= FLOAT));
        return products
                && spec.out().precision <= FloatFormat.F16.precision
                && spec.total() < 1L << (FLOAT - spec.out().precision);
    }

    NarrowKernel(Spec spec) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.format = spec.out();
        this.a = new float[in.length];
        for (int i = 0; i < a.length; i++) {
            a[i] = spec.a().get(i);
        }
        this.total = spec.total();
        this.limit = spec.mayOverflow() ? (float) format.max : Float.POSITIVE_INFINITY;
        this.maySubnormal = spec.in().stream().anyMatch(f -> f.unit < FloatFormat.F16.unit);
        this.careful = new CarefulElement(spec);
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int at = 0; at < count; at += BLOCK) {
            if (!block(inputs, out, at, Math.min(BLOCK, count - at))) {
                return false;
            }
        }
        return true;
    }

    /** Averages the n elements from {@code at}, at most {@link #BLOCK}. */
    boolean block(MemorySegment[] inputs, MemorySegment out, int at, int n) {
        if (in[0] == FloatFormat.SUM_FIXED) {
            FloatCodec.load32(inputs[0], at * 4L, bitsMemory, n);
            startFromSum(bits, sum, error, n);
        } else {
            load(in[0], inputs[0], at, n, sum, sumMemory);
            start(sum, a[0], error, n);
        }
        for (int i = 1; i < a.length; i++) {
            load(in[i], inputs[i], at, n, x, xMemory);
            add(sum, x, a[i], error, n);
        }
        if (maySubnormal) {
            flagSmall(n);
        }
        divide(sum, total, n);
        if (limit < Float.POSITIVE_INFINITY) {
            flagAbove(sum, limit, error, n);
        }
        store(out, at, n);
        if (anyNonZero(error, folded, n)) {
            for (int j = 0; j < n; j++) {
                // True for NaN too, which an infinite or NaN input leaves in error.
                if (error[j] != 0 && !careful.average(inputs, out, at + j)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Kept sums that a float does not hold exactly are left to the careful path. */
    private static void startFromSum(int[] fixed, float[] sum, float[] error, int n) {
        for (int j = 0; j < n; j++) {
            int f = fixed[j];
            float s = f;
            sum[j] = s * 0x1p-24f;
            // 2^31, to which the largest are rounded, would come back as the largest.
            float above = Math.max(0, Math.abs(s) - BELOW_2_31);
            error[j] = Math.abs((float) (f - (int) s)) + above;
        }
    }

    private static void start(float[] sum, float a, float[] error, int n) {
        for (int j = 0; j < n; j++) {
            float p = a * sum[j];
            sum[j] = p;
            error[j] = Math.abs(0 * p); // NaN for NaN and infinities
        }
    }

    /** TwoSum: error gains the magnitude of what the addition rounded off, exactly 0 if nothing. */
    private static void add(float[] sum, float[] x, float a, float[] error, int n) {
        for (int j = 0; j < n; j++) {
            float p = a * x[j];
            float s = sum[j];
            float t = s + p;
            float z = t - s;
            error[j] += Math.abs((s - (t - z)) + (p - z));
            sum[j] = t;
        }
    }

    private static void divide(float[] sum, float total, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] /= total;
        }
    }

    // A difference of floats is 0 or below exactly where it should be; the compiler does not
    // vectorise
    // conditions.
    private static void flagAbove(float[] mean, float limit, float[] error, int n) {
        for (int j = 0; j < n; j++) {
            error[j] += Math.max(0, Math.abs(mean[j]) - limit);
        }
    }

    /** Leaves sums so small that their quotient may be subnormal to the careful path. */
    private void flagSmall(int n) {
        if (countBelow(sum, SMALL, n) == countBelow(sum, Float.MIN_VALUE, n)) {
            return;
        }
        for (int j = 0; j < n; j++) {
            if (Math.abs(sum[j]) < SMALL && sum[j] != 0) {
                error[j] = 1;
            }
        }
    }

    private static int countBelow(float[] in, float limit, int n) {
        int found = 0;
        for (int j = 0; j < n; j++) {
            found += Math.abs(in[j]) < limit ? 1 : 0;
        }
        return found;
    }

    /** Whether any error is not 0, NaN among them; folds, as reductions are not vectorised. */
    static boolean anyNonZero(float[] error, float[] folded, int n) {
        if (n < BLOCK) {
            Arrays.fill(error, n, BLOCK, 0);
        }
        fold(error, folded, BLOCK / 2);
        for (int half = BLOCK / 4; half >= 16; half /= 2) {
            fold(folded, folded, half);
        }
        float all = 0;
        for (int j = 0; j < 16; j++) {
            all += folded[j];
        }
        return all != 0; // true for NaN
    }

    private static void fold(float[] from, float[] to, int half) {
        for (int j = 0; j < half; j++) {
            to[j] = from[j] + from[j + half];
        }
    }

    private void load(
            FloatFormat from, MemorySegment s, int at, int n, float[] to, MemorySegment memory) {
        switch (from) {
            case F16 -> {
                FloatCodec.load16(s, at * 2L, halvesMemory, n);
                f16ToFloats(halves, to, n);
            }
            case BF16 -> {
                FloatCodec.load16(s, at * 2L, halvesMemory, n);
                shiftUp(halves, bits, n);
                MemorySegment.copy(bitsMemory, 0, memory, 0, n * 4L);
            }
            case F8_E4M3, F8_E5M2 -> {
                MemorySegment.copy(s, ValueLayout.JAVA_BYTE, at, bytes, 0, n);
                for (int j = 0; j < n; j++) {
                    to[j] = from.floatOf(bytes[j]);
                }
            }
            case F32, F64, SUM_FIXED, SUM_DOUBLE -> throw new AssertionError(from + " is wide");
        }
    }

    private void store(MemorySegment s, int at, int n) {
        switch (format) {
            case F16 -> {
                floatsToF16(sum, halves, n);
                FloatCodec.store16(halvesMemory, s, at * 2L, n);
            }
            case BF16 -> {
                MemorySegment.copy(sumMemory, 0, bitsMemory, 0, n * 4L);
                roundToHigh(bits, halves, n);
                FloatCodec.store16(halvesMemory, s, at * 2L, n);
            }
            case F8_E4M3, F8_E5M2 -> {
                for (int j = 0; j < n; j++) {
                    bytes[j] = format.byteOf(sum[j]);
                }
                MemorySegment.copy(bytes, 0, s, ValueLayout.JAVA_BYTE, at, n);
            }
            case F32, F64, SUM_FIXED, SUM_DOUBLE -> throw new AssertionError(format + " is wide");
        }
    }

    private static void f16ToFloats(short[] in, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.float16ToFloat(in[j]);
        }
    }

    private static void floatsToF16(float[] in, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.floatToFloat16(in[j]);
        }
    }

    // The compiler vectorises integer loops, but not those that look at a float's bits.

    private static void shiftUp(short[] in, int[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = in[j] << 16;
        }
    }

    /** Bits of finite floats to BF16, ties to even. */
    private static void roundToHigh(int[] in, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            int b = in[j];
            out[j] = (short) ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16);
        }
    }
}
