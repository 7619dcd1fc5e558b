package org.diffusionsoup.core.mismatch;

import java.util.Arrays;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Shapes;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * One tensor of an output that is put together from several checkpoints, and who supplies it.
 *
 * @param part name of the part it lies in, as in {@link Checkpoint#parts}
 * @param name its key in the state dict, of the output and of all who supply it
 * @param shape its dimensions (copied in and out)
 * @param dtype its element type in the output
 * @param inputs indexes into the list of checkpoints, or of whatever else supplies it, rising, at
 *     least one: the first is 0 (copied in and out)
 * @param mode how they are put together
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out
public record TensorPlan(
        String part, String name, long[] shape, DType dtype, int[] inputs, Mode mode) {
    /** How inputs become a tensor. */
    public enum Mode {
        /**
         * The weighted mean of the inputs, their coefficients scaled to sum to 1; where a kept sum
         * is what is put together, their weighted sum.
         */
        AVERAGE,
        /**
         * The bytes of the first of the inputs. Where there are several, they are integers of one
         * kind and have to agree byte for byte, or the tensor is refused.
         */
        COPY
    }

    public TensorPlan {
        shape = shape.clone();
        inputs = inputs.clone();
        if (inputs.length == 0) {
            throw new IllegalArgumentException("tensor '" + name + "' has no inputs");
        }
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    @Override
    public int[] inputs() {
        return inputs.clone();
    }

    /** Whether its elements are computed, not copied. */
    public boolean isComputed() {
        return mode == Mode.AVERAGE;
    }

    /** The same in another dtype. */
    public TensorPlan as(DType other) {
        return new TensorPlan(part, name, shape, other, inputs, mode);
    }

    /** Its description, in no file yet. */
    public TensorInfo info() {
        return TensorInfo.of(name, dtype, shape);
    }

    /** Number of elements, 1 for a scalar. */
    public long elements() {
        return Shapes.elements(shape);
    }

    /** Length of the output's data in bytes. */
    public long byteSize() {
        return Shapes.byteSize(dtype, shape);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof TensorPlan t
                && part.equals(t.part)
                && name.equals(t.name)
                && Arrays.equals(shape, t.shape)
                && dtype == t.dtype
                && Arrays.equals(inputs, t.inputs)
                && mode == t.mode;
    }

    @Override
    public int hashCode() {
        return 31 * part.hashCode() + name.hashCode();
    }

    @Override
    public String toString() {
        return "%s%s %s%s %s of %s"
                .formatted(
                        part.isEmpty() ? "" : part + "/",
                        name,
                        dtype,
                        Arrays.toString(shape),
                        mode,
                        Arrays.toString(inputs));
    }
}
