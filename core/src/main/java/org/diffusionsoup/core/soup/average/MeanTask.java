package org.diffusionsoup.core.soup.average;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.kernel.AverageKernel;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.FloatFormat;

/** The weighted mean. */
public final class MeanTask implements MergeTask {
    private final List<Long> a;
    private final boolean allowNonFinite;
    private final AverageKernel.Factory kernels;
    private final Runnable whenReady;

    // Of the tensor before: nearly all tensors are alike in this.
    private int[] inputs = {};
    private List<DType> in = List.of();
    private Optional<Spec> spec = Optional.empty();

    /**
     * @param a coefficients of all sources
     * @param whenReady called when averaging begins
     */
    public MeanTask(
            List<Long> a,
            boolean allowNonFinite,
            AverageKernel.Factory kernels,
            Runnable whenReady) {
        this.a = List.copyOf(a);
        this.allowNonFinite = allowNonFinite;
        this.kernels = kernels;
        this.whenReady = whenReady;
    }

    @Override
    public void begin() {
        whenReady.run();
    }

    @Override
    public int inputs() {
        return a.size();
    }

    @Override
    public Spec spec(TensorPlan tensor, List<DType> dtypes) {
        FloatFormat out = FloatFormat.of(tensor.dtype());
        boolean any = allowNonFinite || TensorNames.isMask(tensor.name());
        int[] from = tensor.inputs();
        if (spec.isPresent()
                && spec.get().out() == out
                && spec.get().allowNonFinite() == any
                && in.equals(dtypes)
                && Arrays.equals(inputs, from)) {
            return spec.get();
        }
        List<Long> own = Arrays.stream(from).mapToObj(a::get).toList();
        Spec made = Spec.mean(dtypes, tensor.dtype(), own, any);
        inputs = from;
        in = dtypes;
        spec = Optional.of(made);
        return made;
    }

    @Override
    public AverageKernel kernel(Spec spec, String tensor) {
        return kernels.create(spec);
    }

    @Override
    public boolean sharesKernels() {
        return true;
    }
}
