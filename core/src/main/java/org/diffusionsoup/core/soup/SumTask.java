package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.kernel.ExactKernel;
import org.diffusionsoup.core.kernel.SumExceptions;
import org.diffusionsoup.core.kernel.SumExceptions.Exact;
import org.diffusionsoup.core.kernel.SumKernel;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.soup.average.MergeTask;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;

/**
 * Adds ingredients up into a sum to keep.
 *
 * @param a their integer coefficients
 * @param made receives what belongs to the sum beside its tensors
 */
record SumTask(List<Long> a, NewSum made) implements MergeTask {
    /** The dtype of the file that holds the sum of ingredients of these dtypes. */
    static DType dtype(List<DType> ingredients) {
        List<FloatFormat> formats = ingredients.stream().map(FloatFormat::of).toList();
        return FloatFormat.ofSum(formats) == FloatFormat.SUM_FIXED ? DType.I32 : DType.F64;
    }

    /** The format of a kept sum in a file of this dtype. */
    static FloatFormat format(DType stored) {
        return stored == DType.I32 ? FloatFormat.SUM_FIXED : FloatFormat.SUM_DOUBLE;
    }

    @Override
    public int inputs() {
        return a.size();
    }

    @Override
    public Spec spec(TensorPlan tensor, List<DType> dtypes) {
        return new Spec(
                dtypes.stream().map(FloatFormat::of).toList(), format(tensor.dtype()), a, 1, false);
    }

    @Override
    public AverageKernel kernel(Spec spec, String tensor) {
        return new SumKernel(spec, tensor, made.exceptions());
    }

    @Override
    public boolean sharesKernels() {
        return false;
    }

    @Override
    public void patch(
            TensorPlan tensor, Spec spec, MemorySegment[] in, MemorySegment out, int n, long from) {
        made.wrote(tensor, from, n, out);
    }

    /**
     * Takes ingredients into, or out of, a kept sum, which is the first input.
     *
     * @param signed coefficients of the other inputs, negative to take out
     * @param total sum of the coefficients of who is in afterwards; 1 to write the new sum instead
     *     of the mean
     * @param members how many are in afterwards
     * @param old exceptions of the kept sum
     * @param updated receives what belongs to the new one, when that is written
     */
    record Adjust(
            List<Long> signed, long total, int members, SumExceptions old, Optional<NewSum> updated)
            implements MergeTask {
        @Override
        public int inputs() {
            return signed.size() + 1;
        }

        @Override
        public Spec spec(TensorPlan tensor, List<DType> dtypes) {
            List<FloatFormat> in = new ArrayList<>();
            List<Long> a = new ArrayList<>();
            in.add(format(dtypes.getFirst()));
            a.add(1L);
            for (int i = 1; i < dtypes.size(); i++) {
                in.add(FloatFormat.of(dtypes.get(i)));
                a.add(signed.get(i - 1));
            }
            FloatFormat out =
                    updated.isPresent() ? format(tensor.dtype()) : FloatFormat.of(tensor.dtype());
            return new Spec(in, out, a, updated.isPresent() ? 1 : total, false);
        }

        @Override
        public AverageKernel kernel(Spec spec, String tensor) {
            return updated.isPresent()
                    ? new SumKernel(spec, tensor, updated.get().exceptions())
                    : AverageKernel.fast(spec);
        }

        @Override
        public boolean sharesKernels() {
            return updated.isEmpty();
        }

        /**
         * What the plain sum does not hold is 0 there, so that the kernel computes something else
         * for it, which may be too large where the mean is not: such a piece is computed without
         * those elements.
         */
        @Override
        public boolean compute(
                AverageKernel kernel,
                TensorPlan tensor,
                Spec spec,
                MemorySegment[] in,
                MemorySegment out,
                int n,
                long from) {
            boolean finite;
            try {
                finite = kernel.average(in, out, n, from);
            } catch (NarrowingOverflow e) {
                Set<Long> kept = old.in(tensor.name(), from, from + n).keySet();
                finite = averageWithout(kept, kernel, spec, in, out, n, from);
            }
            if (finite) {
                patch(tensor, spec, in, out, n, from);
            }
            return finite;
        }

        private static boolean averageWithout(
                Set<Long> left,
                AverageKernel kernel,
                Spec spec,
                MemorySegment[] in,
                MemorySegment out,
                int n,
                long from) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment[] others = new MemorySegment[in.length];
                for (int i = 0; i < in.length; i++) {
                    FloatFormat format = spec.in().get(i);
                    others[i] = arena.allocate(in[i].byteSize(), Long.BYTES).copyFrom(in[i]);
                    for (long index : left) {
                        if (!Double.isFinite(format.get(in[i], index - from))) {
                            return false;
                        }
                        format.put(others[i], index - from, 0);
                    }
                }
                return kernel.average(others, out, n, from);
            }
        }

        @Override
        public String overflowAdvice() {
            return "average those that stay anew, with another output dtype";
        }

        @Override
        public void patch(
                TensorPlan tensor,
                Spec spec,
                MemorySegment[] in,
                MemorySegment out,
                int n,
                long from) {
            old.in(tensor.name(), from, from + n)
                    .forEach((index, before) -> {
                        long j = index - from;
                        Exact e = before;
                        for (int i = 1; i < in.length; i++) {
                            double w = spec.in().get(i).get(in[i], j);
                            e = e.plus(signed.get(i - 1), w);
                        }
                        if (updated.isPresent()) {
                            updated.get().exceptions().put(tensor.name(), index, e);
                            format(tensor.dtype()).put(out, j, 0);
                            return;
                        }
                        FloatFormat format = FloatFormat.of(tensor.dtype());
                        double mean =
                                e.sum().signum() == 0
                                        ? (e.negativeZeros() == members ? -0.0 : 0.0)
                                        : ExactKernel.round(
                                                e.sum(),
                                                e.unit(),
                                                BigInteger.valueOf(total),
                                                format);
                        format.put(out, j, mean);
                    });
            updated.ifPresent(u -> u.wrote(tensor, from, n, out));
        }
    }
}
