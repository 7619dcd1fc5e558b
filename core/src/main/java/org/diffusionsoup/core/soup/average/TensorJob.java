package org.diffusionsoup.core.soup.average;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.io.TurnDigest;
import org.diffusionsoup.core.kernel.AverageKernel.Spec;
import org.diffusionsoup.core.mismatch.TensorPlan;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorSource;
import org.jspecify.annotations.Nullable;

/** A planned tensor with all that computing its pieces needs. */
final class TensorJob {
    final TensorPlan plan;
    final String name;
    final DType dtype;
    final long elements;

    /** Who supplies it, in the order of the plan's inputs, and what is hashed of each. */
    final TensorSource[] sources;

    final @Nullable TurnDigest[] digests;
    final int[] elementBytes;

    /** How it is computed; empty where it is copied. */
    final Optional<Spec> spec;

    /** Elements of all pieces but the last. */
    final int pieceElements;

    /**
     * @param all the sources that the plan's inputs are indexes of
     * @param pieceBytes room for a piece of one source or of the output
     */
    TensorJob(
            TensorPlan plan,
            List<TensorSource> all,
            Map<TensorSource, TurnDigest> hashed,
            MergeTask task,
            int pieceBytes) {
        this.plan = plan;
        this.name = plan.name();
        this.dtype = plan.dtype();
        this.elements = plan.elements();
        int[] inputs = plan.inputs();
        int n = inputs.length;
        this.sources = new TensorSource[n];
        this.digests = new TurnDigest[n];
        this.elementBytes = new int[n];
        List<DType> dtypes = new ArrayList<>();
        int largest = dtype.bytes();
        for (int i = 0; i < n; i++) {
            sources[i] = all.get(inputs[i]);
            digests[i] = hashed.get(sources[i]);
            DType d = sources[i].tensor(name).dtype();
            dtypes.add(d);
            elementBytes[i] = d.bytes();
            largest = Math.max(largest, d.bytes());
        }
        this.spec = plan.isComputed() ? Optional.of(task.spec(plan, dtypes)) : Optional.empty();
        this.pieceElements = pieceBytes / largest;
    }
}
