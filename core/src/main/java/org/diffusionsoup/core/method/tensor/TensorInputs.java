package org.diffusionsoup.core.method.tensor;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * A tensor of all inputs.
 *
 * @param key its name in the state dict
 * @param name the same with the component before it
 * @param elements how many it has
 * @param sources per input, in the order of the merge's inputs
 */
public record TensorInputs(String key, String name, long elements, List<TensorSource> sources) {
    public static TensorInputs of(String part, TensorInfo tensor, List<TensorSource> sources) {
        return new TensorInputs(
                tensor.name(), fullName(part, tensor.name()), tensor.elements(), sources);
    }

    public static String fullName(String part, String tensor) {
        return part.isEmpty() ? tensor : part + "." + tensor;
    }

    int inputs() {
        return sources.size();
    }

    public TensorSource source(int input) {
        return sources.get(input);
    }

    public DType dtype(int input) {
        return Optional.ofNullable(sources.get(input).tensors().get(key))
                .map(TensorInfo::dtype)
                .orElseThrow(() ->
                        new SoupException(
                                "No tensor '" + key + "' in " + sources.get(input).path() + "."));
    }
}
