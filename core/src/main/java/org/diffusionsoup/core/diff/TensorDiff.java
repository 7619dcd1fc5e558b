package org.diffusionsoup.core.diff;

import org.diffusionsoup.core.tensor.DType;

/**
 * How one tensor differs.
 *
 * @param part its component; empty for a checkpoint of one file
 * @param name its key in the state dict
 * @param block the block it belongs to
 * @param dtype in A, or in B where A lacks it
 * @param elements number of elements in A, or in B where A lacks it
 * @param kind what was found
 * @param sums over its elements; all zero but {@code unequal} where no values were compared
 * @param withBase whether the base has the tensor in this shape
 */
public record TensorDiff(
        String part,
        String name,
        String block,
        DType dtype,
        long elements,
        Kind kind,
        Sums sums,
        boolean withBase) {
    /** What was found. */
    public enum Kind {
        /** The same values. */
        EQUAL,
        /** Floating-point values that differ. */
        DIFFERENT,
        /** Integers that differ: no distance is defined. */
        INTEGERS_DIFFER,
        /** Another shape, or integers beside floating-point numbers: not compared. */
        OTHER_KIND,
        /** B lacks it. */
        ONLY_A,
        /** A lacks it. */
        ONLY_B
    }

    /** The key with its component, such as {@code unet/conv_in.weight}. */
    public String place() {
        return part.isEmpty() ? name : part + "/" + name;
    }
}
