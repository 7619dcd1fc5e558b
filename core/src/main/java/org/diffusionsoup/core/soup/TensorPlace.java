package org.diffusionsoup.core.soup;

import java.util.List;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.Shapes;

/**
 * One tensor of a soup in the making.
 *
 * @param name its name, in the output and in all that supply it
 * @param dtype of the output
 * @param shape of the output
 * @param inputs indices of the sources that supply it, at least one
 * @param computed whether its elements are computed; otherwise all who supply it must agree, and it
 *     is copied
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record TensorPlace(String name, DType dtype, long[] shape, List<Integer> inputs, boolean computed) {
    TensorPlace {
        inputs = List.copyOf(inputs);
    }

    long elements() {
        return Shapes.elements(shape);
    }
}
