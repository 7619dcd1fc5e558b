package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * The same results as {@link ExactKernel} at the speed of memory, by plain loops that the JIT
 * compiler vectorises.
 *
 * <p>Sums run in double, and every operation's rounding error is computed beside it (TwoSum, and
 * fused multiply-add for products). Where all errors are 0, which weights of one training family
 * nearly always give, the sum is exact; then so is the division's remainder, and the quotient is
 * rounded to odd before it is narrowed, so that the one rounding which remains is the right one.
 * Other elements go to {@link CarefulElement}.
 */
public final class FastKernel implements AverageKernel {
    /** Elements at a time: what the loops work on stays in the processor's first cache. */
    static final int BLOCK = 1024;

    /** The bits of a double's fraction that a float lacks. */
    private static final long BELOW_FLOAT = (1L << 29) - 1;

    private final FloatFormat[] in;
    private final FloatFormat format;
    private final double limit;
    private final double[] a;
    private final double total;
    private final boolean sumsExact;
    private final boolean productsExact;
    private final boolean oneByOne;
    private final boolean plainDivision;
    private final CarefulElement careful;

    private final double[] sum = new double[BLOCK];
    private final double[] remainder = new double[BLOCK];
    private final long[] sumBits = new long[BLOCK];
    private final long[] remainderBits = new long[BLOCK];
    private final MemorySegment sumMemory = MemorySegment.ofArray(sum);
    private final MemorySegment remainderMemory = MemorySegment.ofArray(remainder);
    private final MemorySegment sumBitsMemory = MemorySegment.ofArray(sumBits);
    private final MemorySegment remainderBitsMemory = MemorySegment.ofArray(remainderBits);
    private final double[] error = new double[BLOCK];
    private final double[] folded = new double[BLOCK / 2];
    private final float[] floats = new float[BLOCK];
    private final float[] floats1 = new float[BLOCK];
    private final float[] floats2 = new float[BLOCK];
    private final float[] floats3 = new float[BLOCK];
    private final short[] halves = new short[BLOCK];
    private final byte[] bytes = new byte[BLOCK];
    private final int[] fixed = new int[BLOCK];

    FastKernel(Spec spec) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.format = spec.out();
        this.limit = spec.mayOverflow() ? format.max : Double.POSITIVE_INFINITY;
        this.a = spec.a().stream().mapToDouble(Long::doubleValue).toArray();
        long largest = spec.a().stream().mapToLong(Math::abs).max().orElse(1);
        this.total = spec.total();
        int precision = 0;
        boolean shortRange = true;
        boolean doubles = format == FloatFormat.F64;
        for (FloatFormat f : in) {
            precision = f.isSum() ? precision : Math.max(precision, f.precision);
            shortRange &= f.unit >= FloatFormat.F16.unit && f.max <= FloatFormat.F16.max;
            doubles |= f == FloatFormat.F64;
        }
        // F16 values are multiples of 2^-24 below 2^16, F8 values of 2^-16: with a total up to
        // 2^13, every partial sum is a multiple of 2^-24 up to 2^29, and 53 bits hold it.
        this.sumsExact = shortRange && largest <= 1 << 13 && total <= 1 << 13;
        this.productsExact = Long.SIZE - Long.numberOfLeadingZeros(largest) + precision <= 53;
        this.oneByOne = doubles;
        this.plainDivision = total < 1L << (53 - format.precision);
        this.careful = new CarefulElement(spec);
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        if (oneByOne) {
            for (int j = 0; j < count; j++) {
                if (!careful.average(inputs, out, j)) {
                    return false;
                }
            }
            return true;
        }
        for (int at = 0; at < count; at += BLOCK) {
            if (!block(inputs, out, at, Math.min(BLOCK, count - at))) {
                return false;
            }
        }
        return true;
    }

    /** Averages the n elements from {@code at}, at most {@link #BLOCK}; not of F64. */
    boolean block(MemorySegment[] inputs, MemorySegment out, int at, int n) {
        int first = 0;
        if (in[0].isSum()) {
            startFromSum(in[0], inputs[0], at, n);
            first = 1;
        }
        if (sumsExact) {
            addExactly(inputs, first, at, n);
        } else {
            addWithErrors(inputs, first, at, n);
        }
        if (plainDivision) {
            // As NarrowKernel proves of floats: rounding this quotient again is harmless.
            divide(sum, total, n);
        } else {
            divideToOdd(n);
        }
        if (limit < Double.POSITIVE_INFINITY) {
            flagAbove(sum, limit, error, n);
        }
        store(out, at, n);
        if (anyNonZero(error, n)) {
            for (int j = 0; j < n; j++) {
                // True for NaN too, which an infinite or NaN input leaves in error.
                if (error[j] != 0 && !careful.average(inputs, out, at + j)) {
                    return false;
                }
            }
        }
        return true;
    }

    private void addExactly(MemorySegment[] inputs, int first, int at, int n) {
        int i = first;
        if (i == 0) {
            Arrays.fill(sum, 0, n, -0.0); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        }
        // Four at a time: the sums are loaded and stored a quarter as often.
        for (; i + 4 <= a.length; i += 4) {
            load(in[i], inputs[i], at, n, floats);
            load(in[i + 1], inputs[i + 1], at, n, floats1);
            load(in[i + 2], inputs[i + 2], at, n, floats2);
            load(in[i + 3], inputs[i + 3], at, n, floats3);
            addFour(floats, floats1, floats2, floats3, a[i], a[i + 1], a[i + 2], a[i + 3], sum, n);
        }
        for (; i < a.length; i++) {
            load(in[i], inputs[i], at, n, floats);
            addExact(floats, a[i], sum, n);
        }
        nonFinite(sum, error, n);
    }

    /** Adds four inputs where no addition rounds. */
    static void addFour(
            float[] f0,
            float[] f1,
            float[] f2,
            float[] f3,
            double a0,
            double a1,
            double a2,
            double a3,
            double[] s,
            int n) {
        for (int j = 0; j < n; j++) {
            s[j] += (a0 * f0[j] + a1 * f1[j]) + (a2 * f2[j] + a3 * f3[j]);
        }
    }

    private void addWithErrors(MemorySegment[] inputs, int first, int at, int n) {
        for (int i = first; i < a.length; i++) {
            load(in[i], inputs[i], at, n, floats);
            if (i == 0) {
                start(floats, a[0], sum, error, n);
            } else {
                add(floats, a[i], sum, error, n);
            }
            if (!productsExact) {
                addProductErrors(floats, a[i], error, n);
            }
        }
    }

    private void startFromSum(FloatFormat from, MemorySegment s, int at, int n) {
        if (from == FloatFormat.SUM_FIXED) {
            MemorySegment.copy(s, FloatCodec.I32, at * 4L, fixed, 0, n);
            for (int j = 0; j < n; j++) {
                sum[j] = fixed[j] * 0x1p-24;
            }
        } else {
            MemorySegment.copy(s, FloatCodec.F64, at * 8L, sum, 0, n);
        }
        Arrays.fill(error, 0, n, 0);
    }

    private static void start(float[] in, double a, double[] sum, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            double p = a * in[j];
            sum[j] = p;
            error[j] = Math.abs(0 * p); // NaN for NaN and infinities
        }
    }

    /** Adds an input where no addition rounds. */
    static void addExact(float[] in, double a, double[] sum, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] += a * in[j];
        }
    }

    /** TwoSum: error gains the magnitude of what the addition rounded off, exactly 0 if nothing. */
    private static void add(float[] in, double a, double[] sum, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            double p = a * in[j];
            double s = sum[j];
            double t = s + p;
            double z = t - s;
            error[j] += Math.abs((s - (t - z)) + (p - z));
            sum[j] = t;
        }
    }

    private static void addProductErrors(float[] in, double a, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            double w = in[j];
            error[j] += Math.abs(Math.fma(a, w, -(a * w)));
        }
    }

    /** NaN where a sum is NaN or infinite, 0 elsewhere. */
    private static void nonFinite(double[] sum, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            error[j] = Math.abs(0 * sum[j]);
        }
    }

    /** What may be too large for the output is left to the careful path, which decides exactly. */
    private static void flagAbove(double[] mean, double limit, double[] error, int n) {
        for (int j = 0; j < n; j++) {
            error[j] += Math.max(0, Math.abs(mean[j]) - limit); // a condition is not vectorised
        }
    }

    /** Whether any error is not 0, NaN among them; folds, as reductions are not vectorised. */
    private boolean anyNonZero(double[] error, int n) {
        if (n < BLOCK) {
            Arrays.fill(error, n, BLOCK, 0);
        }
        fold(error, folded, BLOCK / 2);
        for (int half = BLOCK / 4; half >= 8; half /= 2) {
            fold(folded, folded, half);
        }
        double all = 0;
        for (int j = 0; j < 8; j++) {
            all += folded[j];
        }
        return all != 0; // true for NaN
    }

    private static void fold(double[] from, double[] to, int half) {
        for (int j = 0; j < half; j++) {
            to[j] = from[j] + from[j + half];
        }
    }

    /** sum / total, rounded to odd: narrowing that to fewer bits rounds the exact quotient. */
    private void divideToOdd(int n) {
        divide(sum, remainder, total, n);
        // The compiler does not vectorise loops that look at a double's bits, but does these.
        MemorySegment.copy(sumMemory, 0, sumBitsMemory, 0, n * 8L);
        MemorySegment.copy(remainderMemory, 0, remainderBitsMemory, 0, n * 8L);
        toOdd(sumBits, remainderBits, n);
        MemorySegment.copy(sumBitsMemory, 0, sumMemory, 0, n * 8L);
    }

    static void divide(double[] sum, double total, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] /= total;
        }
    }

    private static void divide(double[] sum, double[] remainder, double total, int n) {
        for (int j = 0; j < n; j++) {
            double s = sum[j];
            double q = s / total;
            remainder[j] = Math.fma(-q, total, s);
            sum[j] = q;
        }
    }

    /**
     * Steps to the neighbour towards zero if the quotient was rounded up, then sets the last bit.
     */
    private static void toOdd(long[] quotient, long[] remainder, int n) {
        for (int j = 0; j < n; j++) {
            long q = quotient[j];
            long r = remainder[j];
            long inexact = ((r & Long.MAX_VALUE) + Long.MAX_VALUE) >>> 63;
            long above = (r ^ q) >>> 63;
            quotient[j] = (q - (inexact & above)) | inexact;
        }
    }

    /** Cuts doubles to the 24 bits of a float, to odd: the cast that follows is exact. */
    private static void cutToOdd(long[] bits, int n) {
        for (int j = 0; j < n; j++) {
            long b = bits[j];
            bits[j] = (b & ~BELOW_FLOAT) | (((b & BELOW_FLOAT) + BELOW_FLOAT) & (BELOW_FLOAT + 1));
        }
    }

    private static boolean anySubnormalFloat(double[] in, int n) {
        int found = 0;
        for (int j = 0; j < n; j++) {
            found += Math.abs(in[j]) < Float.MIN_NORMAL ? 1 : 0;
        }
        return found != 0;
    }

    private void load(FloatFormat from, MemorySegment s, int at, int n, float[] floats) {
        switch (from) {
            case F32 -> MemorySegment.copy(s, FloatCodec.F32, at * 4L, floats, 0, n);
            case F16 -> {
                MemorySegment.copy(s, FloatCodec.I16, at * 2L, halves, 0, n);
                f16ToFloats(halves, floats, n);
            }
            case BF16 -> {
                MemorySegment.copy(s, FloatCodec.I16, at * 2L, halves, 0, n);
                bf16ToFloats(halves, floats, n);
            }
            case F8_E4M3, F8_E5M2 -> {
                MemorySegment.copy(s, ValueLayout.JAVA_BYTE, at, bytes, 0, n);
                for (int j = 0; j < n; j++) {
                    floats[j] = from.floatOf(bytes[j]);
                }
            }
            case F64, SUM_FIXED, SUM_DOUBLE -> throw new AssertionError(from + " is not blocked");
        }
    }

    private void store(MemorySegment s, int at, int n) {
        switch (format) {
            case F32 -> {
                narrow(sum, floats, n);
                MemorySegment.copy(floats, 0, s, FloatCodec.F32, at * 4L, n);
            }
            case F16 -> {
                narrowToOdd(n);
                floatsToF16(floats, halves, n);
                MemorySegment.copy(halves, 0, s, FloatCodec.I16, at * 2L, n);
            }
            case BF16 -> {
                narrowToOdd(n);
                floatsToBf16(floats, halves, n);
                MemorySegment.copy(halves, 0, s, FloatCodec.I16, at * 2L, n);
            }
            case F8_E4M3, F8_E5M2 -> {
                narrowToOdd(n);
                for (int j = 0; j < n; j++) {
                    bytes[j] = format.byteOf(floats[j]);
                }
                MemorySegment.copy(bytes, 0, s, ValueLayout.JAVA_BYTE, at, n);
            }
            case F64, SUM_FIXED, SUM_DOUBLE -> throw new AssertionError(format + " is not blocked");
        }
    }

    private static void f16ToFloats(short[] in, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.float16ToFloat(in[j]);
        }
    }

    private static void bf16ToFloats(short[] in, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.intBitsToFloat(in[j] << 16);
        }
    }

    private static void narrow(double[] in, float[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = (float) in[j];
        }
    }

    private void narrowToOdd(int n) {
        if (format == FloatFormat.BF16 && anySubnormalFloat(sum, n)) {
            // Of subnormal floats the cast would round again. (F16 and F8 have none that small.)
            for (int j = 0; j < n; j++) {
                floats[j] = FloatCodec.narrowToOdd(sum[j]);
            }
            return;
        }
        MemorySegment.copy(sumMemory, 0, sumBitsMemory, 0, n * 8L);
        cutToOdd(sumBits, n);
        MemorySegment.copy(sumBitsMemory, 0, sumMemory, 0, n * 8L);
        narrow(sum, floats, n);
    }

    private static void floatsToF16(float[] in, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            out[j] = Float.floatToFloat16(in[j]);
        }
    }

    /** Finite values only; NaN never gets here unnoticed. */
    private static void floatsToBf16(float[] in, short[] out, int n) {
        for (int j = 0; j < n; j++) {
            int b = Float.floatToRawIntBits(in[j]);
            out[j] = (short) ((b + 0x7fff + ((b >>> 16) & 1)) >>> 16);
        }
    }
}
