package org.diffusionsoup.core.convert;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A tensor made of others without arithmetic.
 *
 * @param info under its new name and shape
 * @param reader its bytes
 */
record Derived(TensorInfo info, Reader reader) {
    /** Largest matrix that is transposed: one is held in memory at a time. */
    private static final long LARGEST_TRANSPOSED = 256L << 20;

    /** Reads bytes of a tensor, as {@link TensorSource#read}. */
    @FunctionalInterface
    interface Reader {
        void read(long from, MemorySegment into);
    }

    /** The same bytes under another name and shape. */
    static Derived same(TensorSource source, TensorInfo of, String name, long... shape) {
        return part(source, of, 0, name, shape);
    }

    /** A run of rows, from a byte on. */
    static Derived part(TensorSource source, TensorInfo of, long at, String name, long... shape) {
        return new Derived(
                info(name, of.dtype(), shape),
                (from, into) -> source.read(of.name(), at + from, into));
    }

    /** Tensors of one dtype one after the other along the first axis. */
    static Derived joined(TensorSource source, List<TensorInfo> parts, String name, long... shape) {
        return new Derived(
                info(name, parts.getFirst().dtype(), shape),
                (from, into) -> {
                    long start = 0;
                    long end = from + into.byteSize();
                    for (TensorInfo p : parts) {
                        long a = Math.max(from, start);
                        long b = Math.min(end, start + p.byteSize());
                        if (a < b) {
                            source.read(p.name(), a - start, into.asSlice(a - from, b - a));
                        }
                        start += p.byteSize();
                    }
                });
    }

    /** A matrix with rows and columns exchanged. */
    static Derived transposed(TensorSource source, TensorInfo of, String name) {
        long[] shape = of.shape();
        if (shape.length != 2 || of.byteSize() > LARGEST_TRANSPOSED) {
            throw new SoupException(
                    "Tensor '"
                            + of.name()
                            + "' in "
                            + source.path()
                            + " should be a matrix of at most 256 MB; it is "
                            + of
                            + ".");
        }
        return new Derived(
                info(name, of.dtype(), shape[1], shape[0]),
                (from, into) -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment whole = arena.allocate(of.byteSize(), 8);
                        source.read(of.name(), 0, whole);
                        int size = of.dtype().bytes();
                        for (long i = 0; i < into.byteSize(); i++) {
                            long at = from + i;
                            long element = at / size;
                            long row = element % shape[0];
                            long column = element / shape[0];
                            long origin = (row * shape[1] + column) * size + at % size;
                            into.set(
                                    ValueLayout.JAVA_BYTE,
                                    i,
                                    whole.get(ValueLayout.JAVA_BYTE, origin));
                        }
                    }
                });
    }

    private static TensorInfo info(String name, DType dtype, long... shape) {
        long bytes = dtype.bytes();
        for (long d : shape) {
            bytes = Math.multiplyExact(bytes, d);
        }
        return new TensorInfo(name, dtype, shape, 0, bytes);
    }
}
