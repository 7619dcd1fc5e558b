package org.diffusionsoup.diffusion.nn;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.RenamedSource;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;

/**
 * Weights of a safetensors file that is mapped into memory, to be put into {@link Parameters} again
 * and again. Nothing of them is held by this process: the system reads the file once and keeps as
 * much of it in its page cache as there is room for. Each {@link #load} copies every tensor once,
 * straight from there, converting what is of another format than the parameters on the way.
 *
 * <p>Not for use by several threads at once.
 */
public final class MappedWeights implements AutoCloseable {
    private final Parameters parameters;
    private final SafetensorsFile file;
    private final Map<Parameter, TensorInfo> tensors = new LinkedHashMap<>();

    private MappedWeights(Parameters parameters, SafetensorsFile file) {
        this.parameters = parameters;
        this.file = file;
    }

    /**
     * Opens a file and compares names and shapes, by the rules of {@link Weights#load(Parameters,
     * Path)}; no weights are read yet.
     *
     * @param parameters that {@link #load} fills
     * @throws UnsupportedConfigException listing what is missing, surplus or of another shape
     * @throws SoupException if the file cannot be read or breaks the format
     */
    public static MappedWeights open(Parameters parameters, Path file) {
        SafetensorsFile opened = SafetensorsFile.open(file);
        MappedWeights weights = new MappedWeights(parameters, opened);
        try {
            TensorSource today = TensorNames.today(opened);
            Weights.fitting(parameters, today, Weights::canonical)
                    .forEach((p, t) -> weights.tensors.put(p, stored(opened, today, t)));
            return weights;
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    private static TensorInfo stored(SafetensorsFile file, TensorSource today, TensorInfo tensor) {
        return today instanceof RenamedSource renamed
                ? file.tensor(renamed.original(tensor.name()))
                : tensor;
    }

    /**
     * Copies all weights into the parameters.
     *
     * @throws SoupException if the file changed since it was opened, or a value is beyond the range
     *     of the parameters' format
     */
    public void load() {
        file.checkUnchanged(); // a file that was cut would end the process at the first byte
        // missing
        try (Torch.Guard off = Torch.gradients(false)) {
            tensors.forEach((parameter, info) -> {
                try (Scope s = Scope.open()) {
                    Tensor stored = Tensor.over(file.data(info.name()), info.dtype());
                    parameter.put(
                            parameter.value(),
                            stored.reshape(parameter.shape()),
                            info.dtype(),
                            file.path());
                }
            });
        }
    }

    /** The parameters that are filled. */
    public Parameters parameters() {
        return parameters;
    }

    /** Closes the file; the parameters keep what was loaded last. */
    @Override
    public void close() {
        file.close();
    }
}
