package org.diffusionsoup.workbench.study;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** Tiny pipelines with random weights whose UNets were moved in a known way, and rows for them. */
final class TinyIngredients {
    private static final Path PIPELINES =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference/pipelines");

    private TinyIngredients() {}

    static Path base(String name) {
        return PIPELINES.resolve(name);
    }

    /**
     * A copy of a pipeline in which a change was made to the values of every tensor of the UNet.
     */
    static Path moved(Path base, Path to, BiConsumer<String, float[]> change) throws IOException {
        try (Stream<Path> all = Files.walk(base)) {
            for (Path f : all.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(base.relativize(f).toString());
                Files.createDirectories(target.getParent());
                Files.copy(f, target);
            }
        }
        Path unet = to.resolve("unet/diffusion_pytorch_model.safetensors");
        List<TensorEntry> entries = new ArrayList<>();
        try (SafetensorsFile f = SafetensorsFile.open(unet)) {
            for (TensorInfo t : f.tensors().values()) {
                float[] w = f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
                change.accept(t.name(), w);
                entries.add(TensorEntry.ofFloats(t.name(), t.shape(), w));
            }
        }
        SafetensorsWriter.write(unet, Map.of("format", "pt"), entries);
        return to;
    }

    /** Every weight moved by a share of itself, at random. */
    static BiConsumer<String, float[]> jittered(double share, long seed) {
        Random random = new Random(seed);
        return (name, w) -> {
            for (int i = 0; i < w.length; i++) {
                w[i] += (float) (share * random.nextGaussian() * w[i]);
            }
        };
    }

    /** Constants added to the predictions' channels, and nothing else. */
    static BiConsumer<String, float[]> shifted(float... by) {
        return (name, w) -> {
            if (name.equals("conv_out.bias")) {
                for (int i = 0; i < w.length; i++) {
                    w[i] += by[i];
                }
            }
        };
    }

    /** Numbered noise pictures of 64 pixels. */
    static Shard shard(Path tar, int rows) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < rows; i++) {
            byte[] pixels = new byte[3 * 64 * 64];
            new Random(i).nextBytes(pixels);
            byte[] png = PngCodec.encode(new RgbImage(64, 64, pixels));
            SampleInfo info =
                    new SampleInfo(
                            "row%03d".formatted(i),
                            "picture number " + i,
                            "",
                            "",
                            "",
                            "test",
                            "CC0-1.0",
                            "",
                            "",
                            "other",
                            "heldout",
                            Hashes.sha256Hex(png));
            samples.add(new Sample(info, png));
        }
        ShardWriter.write(tar, samples);
        return Shard.open(tar);
    }
}
