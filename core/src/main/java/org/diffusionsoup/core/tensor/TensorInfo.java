package org.diffusionsoup.core.tensor;

import java.util.Arrays;

/**
 * Where and what a tensor of a checkpoint file is.
 *
 * @param name its key in the state dict
 * @param dtype element type
 * @param shape dimensions, row major; empty for a scalar (copied in and out)
 * @param offset first byte, counted from the start of the file
 * @param byteSize length of its data in bytes
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out
public record TensorInfo(String name, DType dtype, long[] shape, long offset, long byteSize) {
    /**
     * @throws IllegalArgumentException if sizes are negative or do not fit shape and dtype
     */
    public TensorInfo {
        shape = shape.clone();
        if (offset < 0 || Shapes.byteSize(dtype, shape) != byteSize) {
            throw new IllegalArgumentException(
                    "tensor '" + name + "': " + byteSize + " bytes at " + offset);
        }
    }

    /** One that lies in no file yet, at offset 0. */
    public static TensorInfo of(String name, DType dtype, long[] shape) {
        return new TensorInfo(name, dtype, shape, 0, Shapes.byteSize(dtype, shape));
    }

    /** The same in another place. */
    public TensorInfo at(long newOffset) {
        return new TensorInfo(name, dtype, shape, newOffset, byteSize);
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements, 1 for a scalar. */
    public long elements() {
        return byteSize / dtype.bytes();
    }

    /** Whether the other tensor has the same shape. */
    public boolean sameShape(TensorInfo other) {
        return Arrays.equals(shape, other.shape);
    }

    /** Whether the other tensor has the same dtype and shape. */
    public boolean sameKind(TensorInfo other) {
        return dtype == other.dtype && Arrays.equals(shape, other.shape);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof TensorInfo t
                && name.equals(t.name)
                && sameKind(t)
                && offset == t.offset
                && byteSize == t.byteSize;
    }

    @Override
    public int hashCode() {
        return 31 * name.hashCode() + Long.hashCode(offset);
    }

    @Override
    public String toString() {
        return name + " " + dtype + Arrays.toString(shape);
    }
}
