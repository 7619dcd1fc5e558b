package org.diffusionsoup.diffusion.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraLayer;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Names, ranks, factors and products of LoRA files of every naming, against the reference. */
class LoraDeltaGoldenTest {
    /** Manifests print norms with nine digits. */
    private static final double PRINTED = 5e-8;

    @TempDir private Path dir;

    @TestFactory
    Stream<DynamicTest> loras() {
        return Reference.each("lora", LoraDeltaGoldenTest::tests);
    }

    @TestFactory
    Stream<DynamicTest> lycoris() {
        return Reference.each("lycoris", LoraDeltaGoldenTest::tests);
    }

    private static List<DynamicTest> tests(Golden g) {
        List<DynamicTest> tests = new ArrayList<>();
        for (String file : LoraCase.files(g)) {
            String name = g.name() + " " + file;
            tests.add(DynamicTest.dynamicTest(name + " layers", () -> layers(g, file)));
            tests.add(DynamicTest.dynamicTest(name + " alone", () -> alone(g, file)));
            List<String> deltas = g.tensorsUnder(file + "/delta/");
            if (!deltas.isEmpty()) {
                tests.add(DynamicTest.dynamicTest(name + " delta", () -> deltas(g, file, deltas)));
            }
        }
        return tests;
    }

    private static void layers(Golden g, String file) {
        try (LoraCase c = new LoraCase(g)) {
            Map<String, LoraLayer> layers = byTarget(c.lora(file));
            JsonNode expected = LoraCase.about(g, file).path("layers");
            assertThat(expected.size()).isPositive();
            assertThat(layers).hasSize(expected.size());
            for (JsonNode e : expected) {
                // Without a component named: the file is of the denoiser alone.
                String target =
                        e.path("component").asText("unet") + "." + e.path("tensor").asText();
                LoraLayer layer = layers.get(target);
                assertThat(layer).as(target).isNotNull();
                check(Objects.requireNonNull(layer), e);
            }
        }
    }

    private static void check(LoraLayer layer, JsonNode e) {
        String as = layer.target().toString();
        if (e.has("down")) {
            assertThat(layer.tensors())
                    .as(as)
                    .contains(e.path("down").asText(), e.path("up").asText());
        }
        if (e.path("rank").isNull()) {
            assertThat(layer.rank()).as(as).isEmpty();
        } else {
            assertThat(layer.rank()).as(as).hasValue(e.path("rank").asInt());
        }
        if (e.path("alpha").isNull()) {
            assertThat(layer.alpha()).as(as).isEmpty();
        } else {
            assertThat(layer.alpha()).as(as).hasValue(e.path("alpha").asDouble());
        }
        assertThat(layer.factor()).as(as).isEqualTo(e.path("factor").asDouble());
        assertThat(layer.isDora()).as(as).isEqualTo(e.has("norm_axis"));
        if (e.has("delta_l2")) {
            double square = 0;
            double sum = 0;
            for (double d : layer.delta()) {
                square += d * d;
                sum += d;
            }
            double norm = Math.sqrt(square);
            assertThat(norm)
                    .as(as)
                    .isCloseTo(e.path("delta_l2").asDouble(), within(norm * PRINTED));
            assertThat(sum)
                    .as(as)
                    .isCloseTo(e.path("delta_sum").asDouble(), within((1 + norm) * PRINTED));
        }
    }

    /** Without a model at hand the same modules are found. */
    private static void alone(Golden g, String file) {
        try (LoraCase c = new LoraCase(g);
                Lora alone = Lora.open(LoraCase.path(g, file))) {
            assertThat(byTarget(alone).keySet()).isEqualTo(byTarget(c.lora(file)).keySet());
        }
    }

    private static void deltas(Golden g, String file, List<String> deltas) {
        try (LoraCase c = new LoraCase(g)) {
            Map<String, LoraLayer> layers = byTarget(c.lora(file));
            for (String name : deltas) {
                LoraLayer layer = Objects.requireNonNull(layers.get(name), name);
                String tensor = file + "/delta/" + name;
                var at = LoraCase.split(name);
                long[] shape = c.base().part(at.getKey()).tensor(at.getValue()).shape();
                layer.checkFits(shape);
                g.assertClose(tensor, floats(layer.delta()), shape);
            }
        }
    }

    private static Map<String, LoraLayer> byTarget(Lora lora) {
        Map<String, LoraLayer> layers = new TreeMap<>();
        lora.layers().forEach(l -> layers.put(l.target().toString(), l));
        assertThat(layers).hasSameSizeAs(lora.layers());
        return layers;
    }

    static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    /** Every module that kohya trains in the published models, as a file of empty updates. */
    @TestFactory
    Stream<DynamicTest> everyModuleOfThePublishedModels() {
        return Reference.tests(
                "kohya_lora_map",
                () -> {
                    Path folder = Reference.open().require("full_size");
                    try (Stream<Path> files = Files.list(folder)) {
                        List<DynamicTest> tests =
                                files.filter(f -> f.toString().endsWith(".kohya_lora_map.json.gz"))
                                        .sorted()
                                        .map(f ->
                                                DynamicTest.dynamicTest(
                                                        f.getFileName().toString(),
                                                        () -> published(f)))
                                        .toList();
                        return tests.isEmpty()
                                ? Reference.open().missing("full_size/*.kohya_lora_map.json.gz")
                                : tests;
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    private void published(Path file) throws IOException {
        JsonNode mapping;
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            Path plain = dir.resolve("map.json");
            Files.write(plain, in.readAllBytes());
            mapping = Reference.json(plain).path("mapping");
        }
        List<TensorEntry> entries = new ArrayList<>();
        Map<String, String> expected = new TreeMap<>();
        for (Map.Entry<String, JsonNode> e : mapping.properties()) {
            long[] shape = new long[e.getValue().path("shape").size()];
            for (int i = 0; i < shape.length; i++) {
                shape[i] = e.getValue().path("shape").path(i).asLong();
            }
            long[] up =
                    shape.length == 2 ? new long[] {shape[0], 1} : new long[] {shape[0], 1, 1, 1};
            shape[0] = 1;
            entries.add(zeros(e.getKey() + ".lora_down.weight", shape));
            entries.add(zeros(e.getKey() + ".lora_up.weight", up));
            expected.put(e.getKey(), e.getValue().path("tensor").asText());
        }
        Path made = dir.resolve("made.safetensors");
        SafetensorsWriter.write(made, Map.of(), entries);
        Map<String, String> found = new TreeMap<>();
        try (Lora lora = Lora.open(made)) {
            lora.layers()
                    .forEach(l ->
                            found.put(l.key(), l.target().component() + "/" + l.target().tensor()));
        }
        assertThat(found).isNotEmpty().isEqualTo(expected);
    }

    private static TensorEntry zeros(String name, long[] shape) {
        long n = 1;
        for (long d : shape) {
            n *= d;
        }
        byte[] bytes = new byte[Math.toIntExact(2 * n)];
        return new TensorEntry(
                name, DType.F16, shape, channel -> channel.write(java.nio.ByteBuffer.wrap(bytes)));
    }
}
