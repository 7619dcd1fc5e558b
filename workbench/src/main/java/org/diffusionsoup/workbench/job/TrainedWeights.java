package org.diffusionsoup.workbench.job;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;

/** Weights as every training here writes them: with how they were made in their header. */
public final class TrainedWeights {
    private TrainedWeights() {}

    /**
     * Writes a safetensors file, replacing one in one step.
     *
     * @param dtype F32 or F16, to which values are rounded to nearest, ties to even
     * @throws SoupException if the file cannot be written
     */
    public static void write(Path file, Parameters parameters, DType dtype, Provenance provenance) {
        Map<String, String> format = new TreeMap<>(Map.of("format", "pt"));
        Weights.save(parameters, file, dtype, provenance.writeTo(format));
    }
}
