package org.diffusionsoup.core.tensor;

import org.diffusionsoup.core.SoupException;

/**
 * A tensor to be written.
 *
 * @param name its key in the state dict, unique in the file and not {@code __metadata__}
 * @param dtype element type
 * @param shape dimensions, row major; empty for a scalar (copied in and out)
 * @param bytes the data, asked for once, when the file is written
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out
public record TensorEntry(String name, DType dtype, long[] shape, TensorBytes bytes) {
    /**
     * @throws SoupException if the shape is negative or too large
     */
    public TensorEntry {
        shape = shape.clone();
        try {
            Shapes.byteSize(dtype, shape);
        } catch (ArithmeticException e) {
            throw new SoupException(
                    "Tensor '" + name + "' has an impossible shape: " + e.getMessage() + ".", e);
        }
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Length of the data in bytes. */
    public long byteSize() {
        return Shapes.byteSize(dtype, shape);
    }

    /** Its description, in no file yet. */
    public TensorInfo info() {
        return TensorInfo.of(name, dtype, shape);
    }

    /** An F32 tensor from an array. */
    public static TensorEntry ofFloats(String name, long[] shape, float... values) {
        return new TensorEntry(name, DType.F32, shape, TensorBytes.of(values));
    }
}
