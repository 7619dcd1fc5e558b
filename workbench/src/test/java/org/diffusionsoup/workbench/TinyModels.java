package org.diffusionsoup.workbench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;

/** Models with random weights that draw in milliseconds, changed in known ways, and rows. */
public final class TinyModels {
    /** Of module diffusion's test resources. */
    private static final Path REFERENCE =
            Path.of(System.getProperty("basedir", ""))
                    .toAbsolutePath()
                    .resolveSibling("diffusion/src/test/resources/reference");

    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    private TinyModels() {}

    /**
     * A Stable Diffusion 1.5 that was made for pictures of 64 pixels; sizes are multiples of 16.
     */
    public static Path sd15() {
        return REFERENCE.resolve("pipelines/tiny-sd15");
    }

    /** Stable Diffusion 2.1's layout, with another text encoder. */
    public static Path sd21() {
        return REFERENCE.resolve("pipelines/tiny-sd21");
    }

    /** SDXL's layout. */
    public static Path sdxl() {
        return REFERENCE.resolve("pipelines/tiny-sdxl");
    }

    /** A LoRA for {@link #sd15}, without its ending. */
    public static Path lora(String name) {
        return REFERENCE.resolve("lora/tiny-sd15/" + name + ".safetensors");
    }

    /** A CLIP with random weights. */
    public static Path clip() {
        return REFERENCE.resolve("clip/tiny-clip");
    }

    /** The weights of a model's UNet. */
    public static Path unet(Path model) {
        return model.resolve(UNET);
    }

    /** A copy of {@link #sd15} in which a change was made to every tensor of the UNet. */
    public static Path moved(Path to, BiConsumer<String, float[]> change) {
        copy(sd15(), to);
        change(unet(to), change);
        return to;
    }

    /** Every weight moved by a tenth of itself, at random. */
    public static BiConsumer<String, float[]> jittered(long seed) {
        Random random = new Random(seed);
        return (name, w) -> {
            for (int i = 0; i < w.length; i++) {
                w[i] += (float) (0.1 * random.nextGaussian() * w[i]);
            }
        };
    }

    /** A constant added to all predictions, and nothing else. */
    public static BiConsumer<String, float[]> shifted(double by) {
        return (name, w) -> {
            if (name.equals("conv_out.bias")) {
                for (int i = 0; i < w.length; i++) {
                    w[i] += (float) by;
                }
            }
        };
    }

    /** Changes the float32 tensors of a file. */
    public static void change(Path file, BiConsumer<String, float[]> change) {
        change(file, change, Map.of("format", "pt"));
    }

    /** Changes the float32 tensors of a file, and its header's texts. */
    public static void change(
            Path file, BiConsumer<String, float[]> change, Map<String, String> texts) {
        List<TensorEntry> entries = new ArrayList<>();
        tensors(file)
                .forEach((info, values) -> {
                    change.accept(info.name(), values);
                    entries.add(TensorEntry.ofFloats(info.name(), info.shape(), values));
                });
        SafetensorsWriter.write(file, texts, entries);
    }

    /** A copy of a float32 model whose weights are rounded to F16, in files of that format. */
    public static Path halved(Path from, Path to) {
        copy(from, to);
        try (Stream<Path> all = Files.walk(to)) {
            for (Path f : all.filter(p -> p.toString().endsWith(".safetensors")).toList()) {
                List<TensorEntry> entries = new ArrayList<>();
                tensors(f)
                        .forEach((info, values) -> {
                            short[] half = new short[values.length];
                            for (int i = 0; i < half.length; i++) {
                                half[i] = Float.floatToFloat16(values[i]);
                            }
                            entries.add(
                                    new TensorEntry(
                                            info.name(),
                                            DType.F16,
                                            info.shape(),
                                            TensorBytes.of(MemorySegment.ofArray(half))));
                        });
                SafetensorsWriter.write(f, Map.of("format", "pt"), entries);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return to;
    }

    /** The float32 tensors of a file, by name. */
    public static Map<String, float[]> values(Path file) {
        Map<String, float[]> out = new TreeMap<>();
        tensors(file).forEach((info, values) -> out.put(info.name(), values));
        return out;
    }

    private static Map<TensorInfo, float[]> tensors(Path file) {
        Map<TensorInfo, float[]> out = new LinkedHashMap<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (TensorInfo t : f.tensors().values()) {
                out.put(t, f.data(t.name()).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
            }
        }
        return out;
    }

    /** Copies a folder and returns the copy. */
    public static Path copy(Path from, Path to) {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path f : all.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(f).toString());
                Files.createDirectories(target.getParent());
                Files.copy(f, target);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return to;
    }

    /** Every file below a folder, by its relative path, as the hash of its bytes. */
    public static Map<String, String> contents(Path folder) {
        Map<String, String> out = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                out.put(folder.relativize(f).toString(), Hashes.sha256Hex(Files.readAllBytes(f)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out;
    }

    /** A picture of one colour. */
    public static RgbImage plain(int side, int red, int green, int blue) {
        byte[] pixels = new byte[3 * side * side];
        for (int i = 0; i < pixels.length; i += 3) {
            pixels[i] = (byte) red;
            pixels[i + 1] = (byte) green;
            pixels[i + 2] = (byte) blue;
        }
        return new RgbImage(side, side, pixels);
    }

    /** A picture of noise. */
    public static RgbImage noise(int side, long seed) {
        byte[] pixels = new byte[3 * side * side];
        new Random(seed).nextBytes(pixels);
        return new RgbImage(side, side, pixels);
    }

    /** A row of a shard for training. */
    public static Sample row(
            String key, String caption, String provider, String domain, RgbImage picture) {
        return row(key, caption, provider, domain, "train", picture);
    }

    /** A row of a shard. */
    public static Sample row(
            String key,
            String caption,
            String provider,
            String domain,
            String split,
            RgbImage picture) {
        byte[] png = PngCodec.encode(picture);
        return new Sample(
                new SampleInfo(
                        key,
                        caption,
                        caption,
                        "plain",
                        key,
                        provider,
                        "CC0-1.0",
                        "",
                        "",
                        domain,
                        split,
                        Hashes.sha256Hex(png)),
                png);
    }

    /** A shard of numbered pictures of noise, of 64 pixels. */
    public static Path shard(Path tar, int rows, long seed) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < rows; i++) {
            samples.add(
                    row(
                            "row%03d".formatted(i),
                            "picture number " + i,
                            "test",
                            "other",
                            noise(64, 1000 * seed + i)));
        }
        ShardWriter.write(tar, samples);
        return tar;
    }

    /** The largest difference between two pictures' channels, 0 to 255. */
    public static int difference(RgbImage one, RgbImage other) {
        if (one.width() != other.width() || one.height() != other.height()) {
            return Integer.MAX_VALUE;
        }
        int most = 0;
        for (int i = 0; i < one.pixels().length; i++) {
            most = Math.max(most, Math.abs((one.pixels()[i] & 255) - (other.pixels()[i] & 255)));
        }
        return most;
    }

    /** The largest difference between pictures of two lists. */
    public static int difference(List<RgbImage> ones, List<RgbImage> others) {
        if (ones.size() != others.size()) {
            return Integer.MAX_VALUE;
        }
        int[] each = new int[ones.size()];
        Arrays.setAll(each, i -> difference(ones.get(i), others.get(i)));
        return Arrays.stream(each).max().orElse(0);
    }
}
