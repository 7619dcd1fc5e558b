package org.diffusionsoup.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;

/** Small models of one architecture, as files and as diffusers folders. */
final class MergeModels {
    private static final int SIZE = 40;

    private MergeModels() {}

    /** A file with two float tensors and a counter. */
    static Path file(Path path, long seed) {
        SafetensorsWriter.write(
                path,
                Map.of("format", "pt"),
                List.of(
                        floats("down_blocks.0.w", seed, false),
                        floats("up_blocks.0.w", seed + 1, false),
                        new TensorEntry("steps", DType.I64, new long[] {}, TensorBytes.of(5L))));
        return path;
    }

    /** Fisher values for {@link #file}. */
    static Path fisher(Path path, long seed) {
        SafetensorsWriter.write(
                path,
                Map.of(),
                List.of(
                        floats("down_blocks.0.w", seed, true),
                        floats("up_blocks.0.w", seed + 1, true)));
        return path;
    }

    /** A pipeline folder with a unet and a vae. */
    static Path folder(Path path, long seed) throws IOException {
        Files.createDirectories(path.resolve("unet"));
        Files.createDirectories(path.resolve("vae"));
        Files.writeString(
                path.resolve("model_index.json"),
                """
                {"_class_name": "StableDiffusionPipeline",
                 "unet": ["diffusers", "UNet2DConditionModel"],
                 "vae": ["diffusers", "AutoencoderKL"]}
                """);
        Files.writeString(path.resolve("unet/config.json"), "{}");
        Files.writeString(path.resolve("vae/config.json"), "{}");
        file(path.resolve("unet/diffusion_pytorch_model.safetensors"), seed);
        file(path.resolve("vae/diffusion_pytorch_model.safetensors"), seed + 100);
        return path;
    }

    private static TensorEntry floats(String name, long seed, boolean positive) {
        Random random = new Random(seed);
        float[] values = new float[SIZE];
        for (int i = 0; i < SIZE; i++) {
            float v = (float) random.nextGaussian();
            values[i] = positive ? Math.abs(v) : v;
        }
        return TensorEntry.ofFloats(name, new long[] {SIZE}, values);
    }

    static float[] values(Path file, String tensor) {
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            return open.floats(tensor);
        }
    }
}
