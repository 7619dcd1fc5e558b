package org.diffusionsoup.core.convert;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.checkpoint.Architecture;
import org.diffusionsoup.core.checkpoint.Architecture.Family;
import org.diffusionsoup.core.checkpoint.Architecture.Task;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The full-size models with random F16 weights, there and back. Needs 3 times the model's size on
 * disk (SDXL: 21 GB); run with {@code -Dsoup.fullsize=FOLDER}.
 */
@EnabledIfSystemProperty(named = "soup.fullsize", matches = ".+")
final class FullSizeRoundTripTest {
    @ParameterizedTest
    @CsvSource({"sd15, SD1", "sd21, SD2", "sdxl, SDXL"})
    void thereAndBackGivesTheSameBytes(String model, Family family) throws IOException {
        Path work = Path.of(System.getProperty("soup.fullsize")).resolve("round-trip-" + model);
        Path original = work.resolve("original");
        Path single = work.resolve("single.safetensors");
        Path back = work.resolve("back");
        try {
            make(model, family, original);
            Conversion there;
            long start = System.nanoTime();
            try (Checkpoint in = Checkpoint.open(original)) {
                there = Converter.DEFAULT.toSingleFile(in, single);
            }
            long middle = System.nanoTime();
            try (Checkpoint in = Checkpoint.open(single)) {
                Converter.DEFAULT.toDiffusers(in, back);
            }
            long end = System.nanoTime();
            System.out.printf(
                    Locale.ROOT,
                    "%s: %.2f GB, to single %.1f s (%.2f GB/s), to diffusers %.1f s (%.2f GB/s)%n",
                    model,
                    there.bytes() / 1e9,
                    (middle - start) / 1e9,
                    there.bytes() / (double) (middle - start),
                    (end - middle) / 1e9,
                    there.bytes() / (double) (end - middle));
            assertThat(WeightsHash.of(back)).isEqualTo(WeightsHash.of(original));
        } finally {
            delete(work);
        }
    }

    private static void make(String model, Family family, Path folder) throws IOException {
        Files.createDirectories(folder);
        Map<String, SequencedMap<String, TensorInfo>> shapes = Manifest.shapes(model);
        write(
                folder.resolve("model_index.json"),
                Configs.modelIndex(
                        new Architecture(family, Task.TEXT_TO_IMAGE), "EulerDiscreteScheduler"));
        write(
                folder.resolve("scheduler/scheduler_config.json"),
                Configs.scheduler(Family.SDXL, PredictionType.EPSILON, false));
        for (String t : List.of("tokenizer", "tokenizer_2")) {
            if (t.equals("tokenizer") || family == Family.SDXL) {
                Files.createDirectories(folder.resolve(t));
            }
        }
        for (var part : shapes.entrySet()) {
            List<TensorEntry> entries = new ArrayList<>();
            part.getValue()
                    .forEach((name, info) -> {
                        long seed = (part.getKey() + name).hashCode();
                        entries.add(
                                new TensorEntry(
                                        name,
                                        DType.F16,
                                        info.shape(),
                                        out -> random(seed, info.byteSize(), out)));
                    });
            Path component = folder.resolve(part.getKey());
            write(component.resolve("config.json"), new LinkedHashMap<>());
            String file =
                    part.getKey().startsWith("text")
                            ? "model.safetensors"
                            : "diffusion_pytorch_model.safetensors";
            SafetensorsWriter.write(component.resolve(file), Map.of(), entries);
        }
    }

    private static void write(Path file, Map<String, Object> json) throws IOException {
        Files.createDirectories(file.resolveSibling("."));
        Files.write(file, Configs.utf8(json));
    }

    /** Random bits but for the highest of each exponent: every F16 value is finite. */
    private static void random(long seed, long bytes, WritableByteChannel out) throws IOException {
        long state = new Random(seed).nextLong() | 1;
        ByteBuffer b = ByteBuffer.allocateDirect(1 << 18).order(ByteOrder.LITTLE_ENDIAN);
        for (long left = bytes; left > 0; ) {
            b.clear();
            for (int i = 0; i < b.capacity(); i += 8) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                b.putLong(i, state & 0xBFFFBFFFBFFFBFFFL);
            }
            int n = (int) Math.min(left, b.capacity());
            out.write(b.limit(n));
            left -= n;
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }
}
