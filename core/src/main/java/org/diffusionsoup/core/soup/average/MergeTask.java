package org.diffusionsoup.core.soup.average;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.tensor.DType;

/** What an {@link Averager} computes of the pieces of its inputs. */
public interface MergeTask {
    /** Called before the first piece of a file is read. */
    default void begin() {}

    /** Largest number of sources that supply one tensor. */
    int inputs();

    /**
     * How a tensor is computed that is not copied.
     *
     * @param dtypes of what supplies it, in the order of {@link TensorPlan#inputs}
     */
    Spec spec(TensorPlan tensor, List<DType> dtypes);

    /** A kernel for pieces of a tensor, to be used by one thread. */
    AverageKernel kernel(Spec spec, String tensor);

    /** Whether a kernel may be used for any tensor of the same spec. */
    boolean sharesKernels();

    /** Corrects a piece that the kernel has written. */
    default void patch(
            TensorPlan tensor,
            Spec spec,
            MemorySegment[] in,
            MemorySegment out,
            int n,
            long from) {}

    /**
     * Computes a piece with a kernel of this task, and corrects it.
     *
     * @param in a piece of every input, in the order of the spec
     * @param n elements
     * @param from index in the tensor of the piece's first element
     * @return false if an input holds NaN or an infinity and that is not allowed
     * @throws NarrowingOverflow if a mean is too large for the output's dtype
     */
    default boolean compute(
            AverageKernel kernel,
            TensorPlan tensor,
            Spec spec,
            MemorySegment[] in,
            MemorySegment out,
            int n,
            long from) {
        if (!kernel.average(in, out, n, from)) {
            return false;
        }
        patch(tensor, spec, in, out, n, from);
        return true;
    }

    /** What to do about means that are too large for the output's dtype. */
    default String overflowAdvice() {
        return "choose another output dtype";
    }
}
