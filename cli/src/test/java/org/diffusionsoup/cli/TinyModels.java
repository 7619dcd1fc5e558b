package org.diffusionsoup.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/** The tiny models of module diffusion's test resources. */
final class TinyModels {
    private static final Path REFERENCE =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference");

    private TinyModels() {}

    /** A file that PyTorch wrote, of module core's test resources. */
    static Path torch(String name) {
        return REFERENCE
                .resolve("../../../../../core/src/test/resources/torch/" + name)
                .normalize();
    }

    /** A Stable Diffusion 1.5 of 64 pixels with random weights. */
    static Path sd15() {
        return REFERENCE.resolve("pipelines/tiny-sd15");
    }

    /** Stable Diffusion 2.1's layout; another text encoder than {@link #sd15}. */
    static Path sd21() {
        return REFERENCE.resolve("pipelines/tiny-sd21");
    }

    /** SDXL's layout. */
    static Path sdxl() {
        return REFERENCE.resolve("pipelines/tiny-sdxl");
    }

    /** A LoRA for {@link #sd15}. */
    static Path lora(String name) {
        return lora("tiny-sd15", name);
    }

    /** A LoRA for a tiny model. */
    static Path lora(String model, String name) {
        return REFERENCE.resolve("lora").resolve(model).resolve(name + ".safetensors");
    }

    /** A CLIP with random weights. */
    static Path clip() {
        return REFERENCE.resolve("clip/tiny-clip");
    }

    /** BLIP models with random weights, and the files beside them. */
    static Path blip() {
        return REFERENCE.resolve("blip");
    }

    /** SD 1.5's tiny model with its UNet's weights moved at random, as an ingredient of it. */
    static Path ingredient(Path to, long seed) throws IOException {
        copy(sd15(), to);
        move(to.resolve("unet/diffusion_pytorch_model.safetensors"), seed);
        return to;
    }

    /** SD 1.5's tiny model with one NaN among the weights of a component. */
    static Path broken(Path to, String weights) throws IOException {
        copy(sd15(), to);
        Path file = to.resolve(weights);
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] w =
                        f.data(t.name())
                                .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
                if (t.name().equals(f.tensors().firstEntry().getKey())) {
                    w[0] = Float.NaN;
                }
                entries.add(TensorEntry.ofFloats(t.name(), t.shape(), w));
            }
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
        return to;
    }

    /** An aesthetic head for {@link #clip}. */
    static Path aestheticHead(Path to) {
        int width = JsonConfig.read(clip().resolve("config.json")).integer("projection_dim", 0);
        float[] weight = new float[width];
        for (int i = 0; i < width; i++) {
            weight[i] = (float) Math.sin(i);
        }
        SafetensorsWriter.write(
                to,
                Map.of(),
                List.of(
                        TensorEntry.ofFloats("weight", new long[] {1, width}, weight),
                        TensorEntry.ofFloats("bias", new long[] {1}, new float[] {5})));
        return to;
    }

    /** Another CLIP of the same shape. */
    static Path otherClip(Path to) throws IOException {
        copy(clip(), to);
        move(to.resolve("model.safetensors"), 1);
        return to;
    }

    /** Copies a folder and returns the copy. */
    static Path copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path f : all.toList()) {
                Path target = to.resolve(from.relativize(f).toString());
                if (Files.isDirectory(f)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(f, target);
                }
            }
        }
        return to;
    }

    private static void move(Path file, long seed) {
        Random random = new Random(seed);
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] w =
                        f.data(t.name())
                                .toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED);
                for (int j = 0; j < w.length; j++) {
                    w[j] += (float) (0.1 * random.nextGaussian() * w[j]);
                }
                entries.add(TensorEntry.ofFloats(t.name(), t.shape(), w));
            }
        }
        SafetensorsWriter.write(file, Map.of("format", "pt"), entries);
    }
}
