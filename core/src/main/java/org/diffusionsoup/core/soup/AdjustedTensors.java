package org.diffusionsoup.core.soup;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.mismatch.TensorPlan.Mode;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Which tensors of a soup are computed when it is adjusted, and which are copied. */
final class AdjustedTensors {
    private AdjustedTensors() {}

    /**
     * The tensors of a part of the soup: integers copied, others computed.
     *
     * @param soup which of the sources the soup is
     * @param computed those of which floating-point tensors are computed
     */
    static List<TensorPlan> plan(
            String part, List<TensorSource> sources, int soup, int[] computed) {
        List<TensorPlan> plan = new ArrayList<>();
        int[] copied = {soup};
        for (TensorInfo t : sources.get(soup).tensors().values()) {
            boolean isFloat = t.dtype().isFloat();
            for (int i : computed) {
                TensorInfo other = sources.get(i).tensors().get(t.name());
                if (isFloat && (other == null || !Arrays.equals(other.shape(), t.shape()))) {
                    throw new SoupException(
                            "%s does not fit %s: tensor '%s' is %s."
                                    .formatted(
                                            sources.get(i).path(),
                                            sources.get(soup).path(),
                                            t.name(),
                                            other == null
                                                    ? "missing"
                                                    : Arrays.toString(other.shape())
                                                            + " instead of "
                                                            + Arrays.toString(t.shape())));
                }
            }
            plan.add(
                    new TensorPlan(
                            part,
                            t.name(),
                            t.shape(),
                            t.dtype(),
                            isFloat ? computed : copied,
                            isFloat ? Mode.AVERAGE : Mode.COPY));
        }
        return plan;
    }

    /**
     * Refuses what a kept sum cannot hold: one of F16 holds no F32, and none holds F64.
     *
     * @param sources the sum, and others
     */
    static void checkKept(List<TensorSource> sources, TensorPlan t) {
        if (!t.isComputed()) {
            return;
        }
        FloatFormat sum = SumTask.format(sources.getFirst().tensor(t.name()).dtype());
        for (int i : Arrays.stream(t.inputs()).skip(1).toArray()) {
            DType d = sources.get(i).tensor(t.name()).dtype();
            boolean fits =
                    d.isFloat()
                            && d != DType.F64
                            && (sum == FloatFormat.SUM_DOUBLE
                                    || FloatFormat.ofSum(List.of(FloatFormat.of(d))) == sum);
            if (!fits) {
                throw new SoupException(
                        "Tensor '%s' of %s is %s, which the kept sum cannot hold; average the ingredients again."
                                .formatted(t.name(), sources.get(i).path(), d));
            }
        }
    }
}
