package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * The arithmetic of a soup on pieces in memory: out[j] = sum_i a_i in_i[j] / sum_i a_i with
 * positive integers a_i. Every implementation gives the exact rational value rounded once, to
 * nearest with ties to even, so the order of ingredients cannot matter and implementations agree
 * bit for bit. A result of zero is -0 only if all inputs are -0, or if the exact value is negative.
 */
public interface AverageKernel {
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
     * The same, for kernels that note where in the tensor they are.
     *
     * @param from index in the tensor of the piece's first element
     */
    default boolean average(MemorySegment[] inputs, MemorySegment out, int count, long from) {
        return average(inputs, out, count);
    }

    /** The fastest kernel for a spec; all give the same bytes. */
    static AverageKernel fast(Spec spec) {
        if (HalfKernel.suits(spec)) {
            return new HalfKernel(spec);
        }
        if (SpanKernel.suits(spec)) {
            return new SpanKernel(spec);
        }
        if (BrainKernel.suits(spec)) {
            return new BrainKernel(spec);
        }
        return NarrowKernel.suits(spec) ? new NarrowKernel(spec) : new FastKernel(spec);
    }

    /**
     * What a kernel computes: (sum_i a_i in_i) / total.
     *
     * @param in formats of the inputs; a kept sum may only be the first, with coefficient 1
     * @param out format of the output
     * @param a the integer coefficients; negative ones take an ingredient out
     * @param total positive; up to 2^53, as is the sum of all |a_i|
     * @param allowNonFinite whether NaN and infinities are averaged as IEEE 754 adds them (NaN, or
     *     the infinity) instead of refused
     */
    record Spec(
            List<FloatFormat> in,
            FloatFormat out,
            List<Long> a,
            long total,
            boolean allowNonFinite) {
        public Spec {
            in = List.copyOf(in);
            a = List.copyOf(a);
            for (int i = 0; i < in.size(); i++) {
                if (in.get(i).isSum() && (i > 0 || a.get(i) != 1)) {
                    throw new IllegalArgumentException("a kept sum comes first, as it is");
                }
            }
        }

        /** The mean of ingredients. */
        public static Spec mean(List<DType> in, DType out, List<Long> a, boolean allowNonFinite) {
            return new Spec(
                    in.stream().map(FloatFormat::of).toList(),
                    FloatFormat.of(out),
                    a,
                    a.stream().mapToLong(Long::longValue).sum(),
                    allowNonFinite);
        }

        /** The mean of ingredients of one dtype, in that dtype. */
        static Spec of(DType dtype, long[] a) {
            return mean(
                    Collections.nCopies(a.length, dtype),
                    dtype,
                    Arrays.stream(a).boxed().toList(),
                    false);
        }

        /** Whether a finite result may pass the output's largest value. */
        boolean mayOverflow() {
            return in.stream().anyMatch(f -> f.max > out.max)
                    || a.stream().anyMatch(k -> k < 0)
                    || in.getFirst().isSum();
        }
    }

    /** A mean is too large for the output's dtype. */
    final class NarrowingOverflow extends SoupException {
        private static final long serialVersionUID = 1L;

        NarrowingOverflow() {
            super("a mean is too large for the output's dtype", false);
        }
    }

    /** Makes kernels: one per thread. */
    interface Factory {
        AverageKernel create(Spec spec);
    }
}
