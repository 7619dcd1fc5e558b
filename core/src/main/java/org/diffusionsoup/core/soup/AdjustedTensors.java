package org.diffusionsoup.core.soup;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Which tensors of a soup are computed when it is adjusted, and which are copied. */
final class AdjustedTensors {
    private AdjustedTensors() {}

    /** The soup's tensors: integers copied, others computed. */
    static List<TensorPlace> plan(
            List<TensorSource> sources, List<Integer> copied, List<Integer> computed) {
        List<TensorPlace> plan = new ArrayList<>();
        TensorSource soup = sources.get(copied.getFirst());
        for (TensorInfo t : soup.tensors().values()) {
            boolean isFloat = t.dtype().isFloat();
            for (int i : computed) {
                TensorInfo other = sources.get(i).tensors().get(t.name());
                if (isFloat && (other == null || !Arrays.equals(other.shape(), t.shape()))) {
                    throw new SoupException(
                            "%s does not fit %s: tensor '%s' is %s."
                                    .formatted(
                                            sources.get(i).path(),
                                            soup.path(),
                                            t.name(),
                                            other == null
                                                    ? "missing"
                                                    : Arrays.toString(other.shape())
                                                            + " instead of "
                                                            + Arrays.toString(t.shape())));
                }
            }
            plan.add(
                    new TensorPlace(
                            t.name(), t.dtype(), t.shape(), isFloat ? computed : copied, isFloat));
        }
        return plan;
    }
}
