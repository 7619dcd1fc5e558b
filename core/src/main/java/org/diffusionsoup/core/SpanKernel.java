package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Means of F32 ingredients by additions in double that need no look at their rounding errors,
 * because there are none.
 *
 * <p>Where all values but the zeros of a block have magnitudes from a bound l = 2^e on, they are
 * multiples of l's last place, 2^(e-23). Where they are also below 2, every partial sum, in any
 * order, is such a multiple below 2 sum a_i. A double has the bits for that if l is sum a_i times
 * 2^-29 or more: some 10^-8 for a few ingredients. Nearly all blocks of weights keep within these
 * bounds, which the bits tell before anything is added. The quotient is {@link FastKernel}'s, and
 * so are the other blocks, those with infinities or NaN among them.
 */
final class SpanKernel implements AverageKernel {
    private static final int BLOCK = FastKernel.BLOCK;
    private static final int MAGNITUDE = Integer.MAX_VALUE;
    private static final int BEYOND = Float.floatToRawIntBits(2);

    private final double[] a;
    private final double total;
    private final boolean powerOfTwo;
    private final FastKernel fast;

    private final float[] floats = new float[BLOCK];
    private final float[] floats1 = new float[BLOCK];
    private final float[] floats2 = new float[BLOCK];
    private final float[] floats3 = new float[BLOCK];
    private final double[] sum = new double[BLOCK];
    private final int least;

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
        this.a = spec.a().stream().mapToDouble(Long::doubleValue).toArray();
        this.total = spec.total();
        this.powerOfTwo = Long.bitCount(spec.total()) == 1;
        this.fast = new FastKernel(spec);
        // the power of two from total on, times 2^-29
        int e = Math.getExponent(total) + (powerOfTwo ? 0 : 1) - 29;
        this.least = Float.floatToRawIntBits(Math.scalb(1f, e));
    }

    @Override
    public boolean average(MemorySegment[] inputs, MemorySegment out, int count) {
        for (int at = 0; at < count; at += BLOCK) {
            int n = Math.min(BLOCK, count - at);
            if (add(inputs, at, n)) {
                if (powerOfTwo) {
                    scale(sum, 1 / total, floats, n);
                } else {
                    divide(sum, total, floats, n);
                }
                MemorySegment.copy(floats, 0, out, FloatCodec.F32, at * 4L, n);
            } else if (!fast.block(inputs, out, at, n)) {
                return false;
            }
        }
        return true;
    }

    /** Adds all ingredients of a block; false if that is not exact. */
    private boolean add(MemorySegment[] inputs, int at, int n) {
        Arrays.fill(sum, 0, n, -0.0); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        int i = 0;
        while (i < a.length) {
            int left = a.length - i;
            int members = left >= 4 ? 4 : Math.min(left, 2);
            for (int m = 0; m < members; m++) {
                if (anyOutside(inputs[i + m], at * 4L, least, n)) {
                    return false;
                }
            }
            load(inputs[i], floats, at, n);
            if (members > 1) {
                load(inputs[i + 1], floats1, at, n);
            }
            if (members > 2) {
                load(inputs[i + 2], floats2, at, n);
                load(inputs[i + 3], floats3, at, n);
            }
            switch (members) {
                case 1 -> add(floats, a[i], sum, n);
                case 2 -> add(floats, floats1, a[i], a[i + 1], sum, n);
                default -> addFour(a[i], a[i + 1], a[i + 2], a[i + 3], n);
            }
            i += members;
        }
        return true;
    }

    private static void load(MemorySegment s, float[] to, int at, int n) {
        MemorySegment.copy(s, FloatCodec.F32, at * 4L, to, 0, n);
    }

    /**
     * Whether a magnitude is 2 or more, or below {@code least} but not 0: a float's bits are
     * ordered as its magnitude is, and sign bits are the only ones looked at.
     */
    private static boolean anyOutside(MemorySegment s, long at, int least, int n) {
        int any = 0;
        for (int j = 0; j < n; j++) {
            int m = s.get(FloatCodec.I32, at + 4L * j) & MAGNITUDE;
            any |= (m + (Integer.MIN_VALUE - BEYOND)) | ((m - least) & ~(m - 1));
        }
        return any < 0;
    }

    private static void add(float[] in, double a, double[] sum, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] += a * in[j];
        }
    }

    private static void add(float[] in, float[] in1, double a, double a1, double[] sum, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] += a * in[j] + a1 * in1[j];
        }
    }

    private void addFour(double a0, double a1, double a2, double a3, int n) {
        float[] f0 = floats;
        float[] f1 = floats1;
        float[] f2 = floats2;
        float[] f3 = floats3;
        double[] s = sum;
        for (int j = 0; j < n; j++) {
            s[j] += (a0 * f0[j] + a1 * f1[j]) + (a2 * f2[j] + a3 * f3[j]);
        }
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
