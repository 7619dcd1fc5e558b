package org.diffusionsoup.core.lora;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Elements;

/** An update to be written. */
sealed interface NewLayer {
    /** The tensor it belongs to. */
    LoraTarget target();

    /** Shape of the update. */
    long[] shape();

    /**
     * As factors.
     *
     * @param shape of the product
     * @param up {@code out x rank}
     * @param down {@code rank x all others}
     * @param alpha strength relative to the rank
     */
    @SuppressWarnings("ArrayRecordComponent") // internal
    record Factored(LoraTarget target, long[] shape, Matrix up, Matrix down, double alpha)
            implements NewLayer {
        int rank() {
            return down.rows();
        }

        /** What it is once it is stored: factors rounded to a dtype. */
        Factored rounded(DType dtype) {
            return new Factored(
                    target,
                    shape,
                    NewLayer.rounded(up, dtype, target),
                    NewLayer.rounded(down, dtype, target),
                    alpha);
        }

        Matrix product() {
            return up.times(down).scaled(alpha / rank());
        }
    }

    /**
     * As it is.
     *
     * @param values computed when they are written
     */
    @SuppressWarnings("ArrayRecordComponent") // internal
    record Whole(LoraTarget target, long[] shape, Supplier<Matrix> values) implements NewLayer {}

    private static Matrix rounded(Matrix m, DType dtype, LoraTarget target) {
        double[] values = new double[m.values().length];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = encode(arena, m, dtype, target);
            Elements.decode(dtype, bytes, values, values.length);
        }
        return new Matrix(values, m.rows(), m.columns());
    }

    /**
     * Stored values.
     *
     * @throws SoupException if one of them is not finite, or beyond the dtype
     */
    static MemorySegment encode(Arena arena, Matrix m, DType dtype, LoraTarget target) {
        MemorySegment bytes = arena.allocate((long) m.values().length * dtype.bytes(), 8);
        int bad = Elements.encode(dtype, m.values(), bytes, m.values().length);
        if (bad >= 0) {
            throw new SoupException(
                    "The update of %s reaches %s, which is beyond %s; write F32."
                            .formatted(target, m.values()[bad], dtype));
        }
        return bytes;
    }
}
