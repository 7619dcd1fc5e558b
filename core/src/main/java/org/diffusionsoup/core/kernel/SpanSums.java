package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.diffusionsoup.core.tensor.FloatCodec;

/**
 * Sums of F32 ingredients by additions in double that need no look at their rounding errors,
 * because there are none.
 *
 * <p>Where all values but the zeros of a block have magnitudes from a bound l = 2^e on, they are
 * multiples of l's last place, 2^(e-23). Where they are also below 2, every partial sum, in any
 * order, is such a multiple below 2 sum a_i. A double has the bits for that if l is sum a_i times
 * 2^-29 or more: some 10^-8 for a few ingredients. Nearly all blocks of weights keep within these
 * bounds, which the bits tell before anything is added. Other blocks, those with infinities or NaN
 * among them, are not added here.
 */
final class SpanSums {
    /** Elements at a time. */
    static final int BLOCK = FastKernel.BLOCK;

    private static final int MAGNITUDE = Integer.MAX_VALUE;
    private static final int BEYOND = Float.floatToRawIntBits(2);

    private final double[] a;
    private final int least;
    private final float[][] floats = new float[4][BLOCK];
    private final MemorySegment[] memory = new MemorySegment[4];
    private final double[] sum = new double[BLOCK];

    /**
     * @param coefficients whose magnitudes add up to less than 2^29
     */
    SpanSums(double[] coefficients) {
        this.a = coefficients;
        Arrays.setAll(memory, i -> MemorySegment.ofArray(floats[i]));
        double all = 0;
        for (double k : a) {
            all += Math.abs(k);
        }
        // the power of two from there on, times 2^-29
        int e = Math.getExponent(all) + (all == Math.scalb(1.0, Math.getExponent(all)) ? 0 : 1);
        this.least = Float.floatToRawIntBits(Math.scalb(1f, e - 29));
    }

    /**
     * Adds up the n elements from {@code at} of all inputs, at most {@link #BLOCK}.
     *
     * @return false if that is not exact here
     */
    boolean add(MemorySegment[] inputs, int at, int n) {
        Arrays.fill(sum, 0, n, -0.0); // the neutral element: -0 + -0 is -0, -0 + 0 is 0
        int i = 0;
        while (i < a.length) {
            int members = HalfSums.together(a.length - i);
            for (int m = 0; m < members; m++) {
                if (anyOutside(inputs[i + m], at * 4L, least, n)) {
                    return false;
                }
            }
            for (int m = 0; m < members; m++) {
                FloatCodec.load32(inputs[i + m], at * 4L, memory[m], n);
            }
            addTogether(floats, a, i, members, sum, n);
            i += members;
        }
        return true;
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

    /**
     * Adds as many inputs as {@link HalfSums#together} says where no addition rounds.
     *
     * @param in the inputs, from number 0 on
     * @param a coefficients, from number {@code i} on
     */
    static void addTogether(float[][] in, double[] a, int i, int members, double[] sum, int n) {
        switch (members) {
            case 1 -> FastKernel.addExact(in[0], a[i], sum, n);
            case 2 -> addTwo(in[0], in[1], a[i], a[i + 1], sum, n);
            default ->
                    FastKernel.addFour(
                            in[0], in[1], in[2], in[3], a[i], a[i + 1], a[i + 2], a[i + 3], sum, n);
        }
    }

    private static void addTwo(float[] in, float[] in1, double a, double a1, double[] sum, int n) {
        for (int j = 0; j < n; j++) {
            sum[j] += a * in[j] + a1 * in1[j];
        }
    }

    /** The sums last added; -0 where all inputs are -0. */
    double[] doubles() {
        return sum;
    }
}
