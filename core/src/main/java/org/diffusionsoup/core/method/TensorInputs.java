package org.diffusionsoup.core.method;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.DType;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.core.TensorSource;

/**
 * A tensor of all inputs.
 *
 * @param key its name in the state dict
 * @param name the same with the component before it
 * @param elements how many it has
 * @param sources per input, in the order of the merge's inputs
 */
record TensorInputs(String key, String name, long elements, List<TensorSource> sources) {
    static TensorInputs of(String part, TensorInfo tensor, List<TensorSource> sources) {
        return new TensorInputs(
                tensor.name(), fullName(part, tensor.name()), tensor.elements(), sources);
    }

    static String fullName(String part, String tensor) {
        return part.isEmpty() ? tensor : part + "." + tensor;
    }

    int inputs() {
        return sources.size();
    }

    TensorSource source(int input) {
        return sources.get(input);
    }

    DType dtype(int input) {
        return Optional.ofNullable(sources.get(input).tensors().get(key))
                .map(TensorInfo::dtype)
                .orElseThrow(() ->
                        new SoupException(
                                "No tensor '" + key + "' in " + sources.get(input).path() + "."));
    }
}
