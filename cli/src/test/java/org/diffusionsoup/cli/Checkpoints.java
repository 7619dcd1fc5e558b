package org.diffusionsoup.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;

/** Small safetensors files with known numbers. */
final class Checkpoints {
    private Checkpoints() {}

    /** A matrix "w" (2, 2) of one value and a counter "steps". */
    static Path of(Path file, float value, long steps) {
        SafetensorsWriter.write(
                file,
                Map.of("format", "pt"),
                List.of(
                        TensorEntry.ofFloats("w", new long[] {2, 2}, value, value, value, value),
                        new TensorEntry("steps", DType.I64, new long[] {}, TensorBytes.of(steps))));
        return file;
    }

    /** One tensor of another name and shape. */
    static Path other(Path file) {
        SafetensorsWriter.write(
                file, Map.of(), List.of(TensorEntry.ofFloats("v", new long[] {3}, 1, 2, 3)));
        return file;
    }
}
