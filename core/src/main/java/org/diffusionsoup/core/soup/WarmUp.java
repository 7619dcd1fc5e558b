package org.diffusionsoup.core.soup;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * Averages a piece of the first ingredient with itself, again and again, while the other headers
 * are read and the output is planned, which is work of one thread: when averaging begins, the JVM
 * has compiled the kernel or is about to. It would interpret it else, a hundred times slower, for
 * as long as a copy of 500 MB takes. Nothing of it is kept, and what fails here is left to the
 * averaging to find.
 */
final class WarmUp implements Runnable {
    /** Elements at a time, few enough to end soon when told to. */
    private static final int ELEMENTS = 16 << 10;

    /** Longer than compiling takes; planning may wait for hashes, and take minutes. */
    private static final long MOST_NANOS = 300_000_000;

    private final TensorSource source;
    private final TensorInfo tensor;
    private final AverageKernel.Factory kernels;
    private final List<Long> a;
    private final SoupOptions options;
    private volatile boolean over;

    private WarmUp(
            TensorSource source,
            TensorInfo tensor,
            AverageKernel.Factory kernels,
            List<Long> a,
            SoupOptions options) {
        this.source = source;
        this.tensor = tensor;
        this.kernels = kernels;
        this.a = a;
        this.options = options;
    }

    /**
     * Begins, unless there is only one thread to work with.
     *
     * @param first the first ingredient
     * @param a coefficients of all
     * @return what ends it; it ends by itself, too
     */
    static Runnable start(
            Checkpoint first, AverageKernel.Factory kernels, List<Long> a, SoupOptions options) {
        if (options.threads() < 2) {
            return () -> {};
        }
        for (TensorSource source : first.parts().values()) {
            Optional<TensorInfo> tensor = firstLarge(source);
            if (tensor.isPresent()) {
                WarmUp warmUp = new WarmUp(source, tensor.get(), kernels, a, options);
                Thread.ofPlatform().daemon().name("soup-warm-up").start(warmUp);
                return warmUp::stop;
            }
        }
        return () -> {};
    }

    private static Optional<TensorInfo> firstLarge(TensorSource source) {
        for (TensorInfo t : source.tensors().values()) {
            if (t.dtype().isFloat() && t.byteSize() >= (long) ELEMENTS * t.dtype().bytes()) {
                return Optional.of(t);
            }
        }
        return Optional.empty();
    }

    private void stop() {
        over = true;
    }

    @Override
    public void run() {
        long end = System.nanoTime() + MOST_NANOS;
        DType out = options.outputDType().orElse(tensor.dtype());
        List<DType> dtypes = Collections.nCopies(a.size(), tensor.dtype());
        try (Arena arena = Arena.ofConfined()) {
            AverageKernel kernel =
                    kernels.create(
                            AverageKernel.Spec.mean(dtypes, out, a, options.allowNonFinite()));
            MemorySegment piece = arena.allocate((long) ELEMENTS * tensor.dtype().bytes(), 64);
            MemorySegment mean = arena.allocate((long) ELEMENTS * out.bytes(), 64);
            source.read(tensor.name(), 0, piece);
            MemorySegment[] in = new MemorySegment[a.size()];
            Arrays.fill(in, piece);
            while (!over && System.nanoTime() < end && kernel.average(in, mean, ELEMENTS)) {
                // on to the next round
            }
        } catch (RuntimeException e) {
            // a closed or broken file, or means too large: the averaging says so, if it comes to it
        }
    }
}
