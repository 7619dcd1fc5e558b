package org.diffusionsoup.workbench.verify;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Looks for weights that are NaN or infinite, and stops at the first tensor that holds some. */
public final class BrokenWeights {
    private BrokenWeights() {}

    /**
     * The first such tensor of a model and what it holds, as {@code unet/conv_in.weight: 3 NaN and
     * 0 infinite of 64 values}.
     *
     * @throws SoupException if there is no such model
     */
    public static Optional<String> first(Path model) {
        Scan scan = new Scan(SoupProgress.NONE);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            for (Map.Entry<String, TensorSource> part : checkpoint.parts().entrySet()) {
                for (TensorInfo t : part.getValue().tensors().values()) {
                    Optional<VerifyReport.Finding> found =
                            t.dtype().isFloat()
                                    ? scan.finite(part.getKey(), part.getValue(), t)
                                    : Optional.empty();
                    if (found.isPresent()) {
                        return found.map(f -> f.where() + ": " + f.what());
                    }
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Refuses a model that holds some.
     *
     * @param setting that names it
     * @throws SoupException naming the first tensor that does
     */
    public static void refuse(String setting, Path model) {
        first(model)
                .ifPresent(found -> {
                    throw new SoupException(
                            "The weights of `%s` %s are damaged (%s); choose another."
                                    .formatted(setting, model, found));
                });
    }
}
