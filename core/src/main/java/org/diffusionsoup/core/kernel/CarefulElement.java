package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import org.diffusionsoup.core.tensor.FloatCodec;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * One element at a time, for sums that a double cannot hold: a compensated sum with a bound on what
 * it still misses. If both ends of the bound round to the same number, that is the result;
 * otherwise, as for exact ties, {@link ExactKernel} decides.
 */
public final class CarefulElement {
    /** F64 inputs outside of this range could underflow or overflow on the way. */
    private static final double SMALLEST = 0x1p-800;

    private static final double LARGEST = 0x1p900;

    private final FloatFormat[] in;
    private final FloatFormat format;
    private final double[] a;
    private final double total;
    private final ExactKernel exact;

    CarefulElement(AverageKernel.Spec spec) {
        this.in = spec.in().toArray(FloatFormat[]::new);
        this.format = spec.out();
        this.a = spec.a().stream().mapToDouble(Long::doubleValue).toArray();
        this.total = spec.total();
        this.exact = new ExactKernel(spec);
    }

    /** Averages element {@code j}; false if an input is NaN or infinite and may not be. */
    boolean average(MemorySegment[] inputs, MemorySegment out, int j) {
        double s = 0;
        double low = 0;
        double lowSize = 0;
        for (int i = 0; i < a.length; i++) {
            double w = in[i].get(inputs[i], j);
            double size = Math.abs(w);
            if (!(size == 0 || (size >= SMALLEST && size <= LARGEST))) {
                return exact.averageOne(inputs, out, j);
            }
            double p = a[i] * w;
            double pLow = Math.fma(a[i], w, -p);
            double t = s + p;
            double sLow = twoSumError(s, p, t);
            s = t;
            low += pLow;
            low += sLow;
            lowSize += Math.abs(pLow) + Math.abs(sLow);
        }
        // Summing 2n small terms plainly misses at most about 2n * 2^-53 of their size: doubled.
        double missed = lowSize * (2.0 * a.length + 2) * 0x1p-52;
        double high = s + low;
        double rest = twoSumError(s, low, high);
        double q = high / total;
        double remainder = Math.fma(-q, total, high);
        double correction = (remainder + rest) / total;
        double bound = missed / total * 1.001 + Math.abs(correction) * 0x1p-50;
        double lo = round(q, correction - bound);
        double hi = round(q, correction + bound);
        if (lo == hi && high != 0 && Math.abs(lo) <= format.max) {
            format.put(out, j, lo);
            return true;
        }
        return exact.averageOne(inputs, out, j);
    }

    /** The exact sum of both rounded once to the format; never falls as the sum grows. */
    private double round(double q, double x) {
        double t = q + x;
        return switch (format) {
            case F64 -> t;
            case SUM_FIXED, SUM_DOUBLE -> throw new AssertionError("sums are not rounded");
            case F32 -> (float) toOdd(t, twoSumError(q, x, t));
            case F16 ->
                    Float.float16ToFloat(
                            Float.floatToFloat16(
                                    FloatCodec.narrowToOdd(toOdd(t, twoSumError(q, x, t)))));
            case BF16 ->
                    FloatCodec.bf16ToFloat(
                            FloatCodec.floatToBf16(
                                    FloatCodec.narrowToOdd(toOdd(t, twoSumError(q, x, t)))));
            case F8_E4M3, F8_E5M2 ->
                    format.floatOf(
                            format.byteOf(FloatCodec.narrowToOdd(toOdd(t, twoSumError(q, x, t)))));
        };
    }

    /** What {@code x + y} rounded off when it gave {@code t}, exactly (Knuth's TwoSum). */
    private static double twoSumError(double x, double y, double t) {
        double z = t - x;
        return (x - (t - z)) + (y - z);
    }

    /** Makes {@code t}, the rounded form of t + rest, rounded to odd instead of to nearest. */
    private static double toOdd(double t, double rest) {
        if (rest == 0) {
            return t;
        }
        long b = Double.doubleToRawLongBits(t);
        long above = (Double.doubleToRawLongBits(rest) ^ b) >>> 63;
        return Double.longBitsToDouble((b - above) | 1);
    }
}
