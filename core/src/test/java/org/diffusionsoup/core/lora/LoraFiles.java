package org.diffusionsoup.core.lora;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;

/** Small adapter files and models, built in memory. */
final class LoraFiles {
    private LoraFiles() {}

    static TensorEntry random(Random random, String name, long... shape) {
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return TensorEntry.ofFloats(name, shape, values);
    }

    static TensorEntry scalar(String name, float value) {
        return TensorEntry.ofFloats(name, new long[0], value);
    }

    static Path write(Path file, Map<String, String> header, TensorEntry... tensors) {
        SafetensorsWriter.write(file, header, List.of(tensors));
        return file;
    }

    static Path write(Path file, TensorEntry... tensors) {
        return write(file, Map.of(), tensors);
    }

    /** kohya's three tensors of one module. */
    static List<TensorEntry> kohya(
            Random random, String module, int rank, float alpha, long out, long... in) {
        long[] down = new long[in.length + 1];
        long[] up = new long[in.length + 1];
        Arrays.fill(up, 1);
        down[0] = rank;
        System.arraycopy(in, 0, down, 1, in.length);
        up[0] = out;
        up[1] = rank;
        return new ArrayList<>(
                List.of(
                        random(random, module + ".lora_down.weight", down),
                        random(random, module + ".lora_up.weight", up),
                        scalar(module + ".alpha", alpha)));
    }
}
