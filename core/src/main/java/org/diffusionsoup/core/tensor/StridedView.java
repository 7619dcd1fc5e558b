package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * How a tensor's elements, in row-major order, lie in a storage: the strides of PyTorch, all in
 * elements. Neighbouring dimensions that step evenly are joined.
 */
@SuppressWarnings("ArrayRecordComponent") // made here, never handed out
public record StridedView(int elementBytes, long[] shape, long[] strides) {
    /** A view of a shape whose number of elements fits a long. */
    public static StridedView of(int elementBytes, long[] shape, long[] strides) {
        long[] s = new long[shape.length];
        long[] t = new long[shape.length];
        int n = 0;
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] == 1) {
                continue;
            }
            if (n > 0 && t[n - 1] == Math.multiplyExact(shape[i], strides[i])) {
                s[n - 1] *= shape[i];
                t[n - 1] = strides[i];
            } else {
                s[n] = shape[i];
                t[n++] = strides[i];
            }
        }
        return new StridedView(elementBytes, Arrays.copyOf(s, n), Arrays.copyOf(t, n));
    }

    /**
     * Elements from the first to the last that the view touches, 0 if it has none.
     *
     * @throws ArithmeticException if that overflows a long
     */
    public static long span(long[] shape, long[] strides) {
        long last = 0;
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] == 0) {
                return 0;
            }
            last = Math.addExact(last, Math.multiplyExact(shape[i] - 1, strides[i]));
        }
        return Math.addExact(last, 1);
    }

    /** Whether the elements lie one after the other. */
    public boolean contiguous() {
        return shape.length == 0
                || Arrays.stream(shape).anyMatch(d -> d == 0)
                || (shape.length == 1 && strides[0] == 1);
    }

    /**
     * Copies a part of the row-major bytes.
     *
     * @param storage whose first byte is that of the view's first element
     * @param from first row-major byte
     * @param into receives all its bytes
     */
    public void gather(MemorySegment storage, long from, MemorySegment into) {
        long done = 0;
        while (done < into.byteSize()) {
            long at = from + done;
            long element = at / elementBytes;
            int skipped = (int) (at % elementBytes);
            int inner = shape.length - 1;
            long column = element % shape[inner];
            long source = Math.multiplyExact(offset(element), elementBytes);
            long left = into.byteSize() - done;
            if (skipped != 0 || left < elementBytes) {
                long n = Math.min(elementBytes - skipped, left);
                MemorySegment.copy(storage, source + skipped, into, done, n);
                done += n;
            } else {
                long n = Math.min(shape[inner] - column, left / elementBytes);
                copyRow(storage, source, strides[inner] * elementBytes, into, done, n);
                done += n * elementBytes;
            }
        }
    }

    private long offset(long element) {
        long rest = element;
        long offset = 0;
        for (int i = shape.length - 1; i >= 0; i--) {
            offset += rest % shape[i] * strides[i];
            rest /= shape[i];
        }
        return offset;
    }

    private void copyRow(
            MemorySegment storage, long source, long step, MemorySegment into, long to, long n) {
        switch (elementBytes) {
            case 8 -> {
                var layout = ValueLayout.JAVA_LONG_UNALIGNED;
                for (long i = 0; i < n; i++) {
                    into.set(layout, to + 8 * i, storage.get(layout, source + i * step));
                }
            }
            case 4 -> {
                var layout = ValueLayout.JAVA_INT_UNALIGNED;
                for (long i = 0; i < n; i++) {
                    into.set(layout, to + 4 * i, storage.get(layout, source + i * step));
                }
            }
            case 2 -> {
                var layout = ValueLayout.JAVA_SHORT_UNALIGNED;
                for (long i = 0; i < n; i++) {
                    into.set(layout, to + 2 * i, storage.get(layout, source + i * step));
                }
            }
            default -> {
                var layout = ValueLayout.JAVA_BYTE;
                for (long i = 0; i < n; i++) {
                    into.set(layout, to + i, storage.get(layout, source + i * step));
                }
            }
        }
    }
}
