package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The arithmetic of a soup on pieces in memory: out[j] = sum_i a_i in_i[j] / sum_i a_i with
 * positive integers a_i. Every implementation gives the exact rational value rounded once, to
 * nearest with ties to even, so the order of ingredients cannot matter and implementations agree
 * bit for bit. A result of zero is -0 only if all inputs are -0, or if the exact value is negative.
 */
interface AverageKernel {
    /**
     * Averages {@code count} elements. Not for use by several threads at once.
     *
     * @param inputs one piece per ingredient, each {@code count} elements long
     * @param out receives {@code count} elements
     * @return false if an input holds NaN or an infinity and that is not allowed; {@code out} is
     *     then worthless
     * @throws NarrowingOverflow if a mean is too large for the output's dtype
     */
    boolean average(MemorySegment[] inputs, MemorySegment out, int count);

    /**
     * What a kernel computes.
     *
     * @param in dtypes of the inputs, all floating-point
     * @param out dtype of the output, floating-point
     * @param a the integer coefficients, their sum at most 2^53
     * @param allowNonFinite whether NaN and infinities are averaged as IEEE 754 adds them (NaN, or
     *     the infinity) instead of refused
     */
    record Spec(List<DType> in, DType out, List<Long> a, boolean allowNonFinite) {
        public Spec {
            in = List.copyOf(in);
            a = List.copyOf(a);
        }

        /** All of one dtype. */
        static Spec of(DType dtype, long[] a) {
            return new Spec(
                    Collections.nCopies(a.length, dtype),
                    dtype,
                    Arrays.stream(a).boxed().toList(),
                    false);
        }

        FloatFormat[] formats() {
            return in.stream().map(FloatFormat::of).toArray(FloatFormat[]::new);
        }

        FloatFormat outFormat() {
            return FloatFormat.of(out);
        }

        /** Whether a finite mean may pass the output's largest value. */
        boolean mayOverflow() {
            return in.stream().anyMatch(d -> FloatFormat.of(d).max > outFormat().max);
        }
    }

    /** A mean is too large for the output's dtype. */
    final class NarrowingOverflow extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NarrowingOverflow() {
            super("a mean is too large for the output's dtype", null, false, false);
        }
    }

    /** Makes kernels: one per thread. */
    interface Factory {
        AverageKernel create(Spec spec);
    }
}
