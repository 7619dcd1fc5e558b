package org.diffusionsoup.core.soup.average;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.kernel.AverageKernel.NarrowingOverflow;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A tensor that could not be computed or written, and why.
 *
 * @param cause what a worker met
 */
record FailedTensor(TensorJob tensor, Throwable cause) {
    private static final int BUFFER_BYTES = 512 << 10;

    /** An ingredient is not finite: which one is looked for once all workers have ended. */
    static final class NonFinite extends SoupException {
        private static final long serialVersionUID = 1L;

        NonFinite() {
            super("an ingredient is not finite", false);
        }
    }

    /**
     * Fails with a sentence for people.
     *
     * @param task what was to be computed
     */
    void raise(MergeTask task) throws IOException {
        switch (cause) {
            case NonFinite n -> throw nonFinite();
            case NarrowingOverflow o ->
                    throw new SoupException(
                            "Tensor '%s' has means too large for %s; %s."
                                    .formatted(tensor.name, tensor.dtype, task.overflowAdvice()));
            case SoupException s -> throw s;
            case IOException e -> throw e;
            default ->
                    throw new IOException(
                            "averaging '" + tensor.name + "' failed: " + cause, cause);
        }
    }

    /** Names the first ingredient with NaN or infinities in the tensor, and counts them. */
    private SoupException nonFinite() {
        for (TensorSource source : tensor.sources) {
            TensorInfo t = source.tensor(tensor.name);
            if (!t.dtype().isFloat()) {
                continue;
            }
            FloatFormat format = FloatFormat.of(t.dtype());
            long nan = 0;
            long infinite = 0;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer = arena.allocate(BUFFER_BYTES);
                for (long at = 0; at < t.byteSize(); at += BUFFER_BYTES) {
                    long bytes = Math.min(BUFFER_BYTES, t.byteSize() - at);
                    source.read(t.name(), at, buffer.asSlice(0, bytes));
                    for (long i = 0; i < bytes / t.dtype().bytes(); i++) {
                        double v = format.get(buffer, i);
                        nan += Double.isNaN(v) ? 1 : 0;
                        infinite += Double.isInfinite(v) ? 1 : 0;
                    }
                }
            }
            if (nan + infinite > 0) {
                return new NonFiniteWeightsException(
                        "Tensor '%s' of %s holds %d NaN and %d infinite values out of %d; leave this ingredient out or train it again (soup merge `allowNan` averages them as IEEE 754 adds them)."
                                .formatted(t.name(), source.path(), nan, infinite, t.elements()));
            }
        }
        return new SoupException(
                "Tensor '" + tensor.name + "' changed while it was being averaged.");
    }
}
