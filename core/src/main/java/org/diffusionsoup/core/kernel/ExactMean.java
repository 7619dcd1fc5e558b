package org.diffusionsoup.core.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;

/**
 * The weighted mean that {@link Souper} computes, on pieces in memory: every element is the exact
 * rational value rounded once, to nearest with ties to even. Not for use by several threads at
 * once.
 */
public final class ExactMean {
    private final AverageKernel kernel;

    private ExactMean(AverageKernel kernel) {
        this.kernel = kernel;
    }

    /**
     * A mean of n inputs.
     *
     * @param in dtypes of the inputs, all floating-point
     * @param out dtype of the output, floating-point
     * @param a one integer per input, from {@link #integers}
     */
    public static ExactMean create(List<DType> in, DType out, long[] a) {
        return new ExactMean(
                AverageKernel.fast(Spec.mean(in, out, Arrays.stream(a).boxed().toList(), false)));
    }

    /**
     * The smallest positive integers in the coefficients' proportions.
     *
     * @throws SoupException if there are none, or they have too many digits to be used exactly
     */
    public static long[] integers(List<Coefficient> coefficients) {
        return Coefficient.integers(coefficients);
    }

    /**
     * Averages {@code count} elements.
     *
     * @param in one piece per input, each {@code count} elements long
     * @param out receives {@code count} elements
     * @return false if an input holds NaN or an infinity; {@code out} is then worthless
     * @throws SoupException if a mean is too large for the output's dtype
     */
    public boolean average(MemorySegment[] in, MemorySegment out, int count) {
        try {
            return kernel.average(in, out, count);
        } catch (AverageKernel.NarrowingOverflow e) {
            throw new SoupException("A mean is too large for the output's dtype.", e);
        }
    }
}
