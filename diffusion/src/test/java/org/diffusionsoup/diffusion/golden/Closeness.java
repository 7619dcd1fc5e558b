package org.diffusionsoup.diffusion.golden;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.Arrays;

/** Element-wise comparison with a message that says where it is worst. */
public final class Closeness {
    private Closeness() {}

    /**
     * Fails unless every element is within the tolerance; NaN never is, except where NaN is
     * expected.
     *
     * @param what what is compared, for the message
     * @param expected expected elements, row-major
     * @param actual computed elements
     * @param atol absolute tolerance
     * @param shape shape of both, for the index in the message
     */
    public static void check(
            String what, float[] expected, double[] actual, double atol, long... shape) {
        if (expected.length != actual.length) {
            fail(what + ": " + actual.length + " elements, expected " + expected.length);
        }
        int worst = -1;
        double worstError = -1;
        int outside = 0;
        for (int i = 0; i < actual.length; i++) {
            if (Float.compare(expected[i], (float) actual[i]) == 0) {
                continue;
            }
            double error = Math.abs(actual[i] - expected[i]);
            if (Double.isNaN(error)) {
                error = Double.POSITIVE_INFINITY;
            }
            outside += error > atol ? 1 : 0;
            if (error > worstError) {
                worstError = error;
                worst = i;
            }
        }
        if (outside > 0) {
            fail(
                    String.format(
                            "%s%s: %s, expected %s, apart by %.3g where %.3g is allowed"
                                    + " (%.1f times); %d of %d elements are outside",
                            what,
                            Arrays.toString(index(worst, shape)),
                            actual[worst],
                            expected[worst],
                            worstError,
                            atol,
                            worstError / atol,
                            outside,
                            actual.length));
        }
    }

    private static long[] index(long flat, long[] shape) {
        long[] out = new long[shape.length];
        for (int d = shape.length - 1; d >= 0; d--) {
            out[d] = flat % shape[d];
            flat /= shape[d];
        }
        return out;
    }
}
