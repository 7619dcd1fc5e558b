package org.diffusionsoup.core;

import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of a soup on pieces in memory: out[j] = sum_i a_i in_i[j] / sum_i a_i with
 * positive integers a_i, in the dtype of the inputs. Every implementation gives the exact rational
 * value rounded once, to nearest with ties to even, so the order of ingredients cannot matter and
 * implementations agree bit for bit. A result of zero is -0 only if all inputs are -0, or if the
 * exact value is negative.
 */
interface AverageKernel {
    /**
     * Averages {@code count} elements. Not for use by several threads at once.
     *
     * @param inputs one piece per ingredient, each {@code count} elements long
     * @param out receives {@code count} elements
     * @return false if an input holds NaN or an infinity; {@code out} is then worthless
     */
    boolean average(MemorySegment[] inputs, MemorySegment out, int count);

    /** Makes kernels: one per thread. */
    interface Factory {
        /**
         * @param dtype F64, F32, F16 or BF16
         * @param a the integer coefficients, their sum at most 2^53
         */
        AverageKernel create(DType dtype, long[] a);
    }
}
