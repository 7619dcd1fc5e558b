package org.diffusionsoup.core.method.tensor;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * One tensor seen in a larger shape of as many dimensions: its elements keep their indexes, and all
 * others are zeros that it does not have.
 */
public final class PaddedTensor implements TensorSource {
    private final TensorSource source;
    private final TensorInfo own;
    private final TensorInfo padded;
    private final long[] outer;
    private final long[] ownOuter;
    private final long run;
    private final long ownRun;

    /**
     * @param own the tensor, no dimension of which is larger than that of the shape
     */
    public PaddedTensor(TensorSource source, TensorInfo own, long[] shape) {
        this.source = source;
        this.own = own;
        long bytes = own.dtype().bytes();
        for (long d : shape) {
            bytes = Math.multiplyExact(bytes, d);
        }
        this.padded = new TensorInfo(own.name(), own.dtype(), shape, 0, bytes);
        int last = 0;
        for (int i = 0; i < shape.length; i++) {
            last = shape[i] == own.shape()[i] ? last : i;
        }
        long inner = 1;
        for (int i = last + 1; i < shape.length; i++) {
            inner *= shape[i];
        }
        run = shape[last] * inner;
        ownRun = own.shape()[last] * inner;
        outer = Arrays.copyOf(shape, last);
        ownOuter = Arrays.copyOf(own.shape(), last);
    }

    /** Whether one shape fits into another, dimension by dimension. */
    public static boolean fits(long[] small, long[] large) {
        boolean fits = small.length == large.length && small.length > 0;
        for (int i = 0; fits && i < small.length; i++) {
            fits = small[i] <= large[i];
        }
        return fits;
    }

    /** Whether it has the element of that index in the larger shape. */
    public boolean has(long element) {
        return element % run < ownRun && ownRow(element / run) >= 0;
    }

    /** The run of a larger one's, -1 if it has none there. */
    private long ownRow(long row) {
        long at = 0;
        long factor = 1;
        for (int i = outer.length - 1; i >= 0; i--) {
            long index = row % outer[i];
            if (index >= ownOuter[i]) {
                return -1;
            }
            at += index * factor;
            factor *= ownOuter[i];
            row /= outer[i];
        }
        return at;
    }

    @Override
    public void read(String tensor, long from, MemorySegment into) {
        int size = own.dtype().bytes();
        into.fill((byte) 0);
        long end = (from + into.byteSize()) / size;
        for (long at = from / size; at < end; ) {
            long row = at / run;
            long start = at % run;
            long stop = Math.min(run, start + end - at);
            long own = ownRow(row);
            long ownStop = Math.min(stop, ownRun);
            if (own >= 0 && start < ownStop) {
                source.read(
                        tensor,
                        (own * ownRun + start) * size,
                        into.asSlice(at * size - from, (ownStop - start) * size));
            }
            at += stop - start;
        }
    }

    @Override
    public Path path() {
        return source.path();
    }

    @Override
    public Map<String, String> metadata() {
        return source.metadata();
    }

    @Override
    public SequencedMap<String, TensorInfo> tensors() {
        SequencedMap<String, TensorInfo> one = new LinkedHashMap<>();
        one.put(padded.name(), padded);
        return Collections.unmodifiableSequencedMap(one);
    }

    @Override
    public List<Path> files() {
        return source.files();
    }

    @Override
    public void checkUnchanged() {
        source.checkUnchanged();
    }

    @Override
    public void close() {}
}
