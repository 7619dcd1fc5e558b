package org.diffusionsoup.diffusion.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The published models in full size: from their configs the same classes must declare exactly the
 * tensors that the published checkpoints hold, by name and shape. Memory is claimed but never
 * touched.
 */
class FullSizeShapesGoldenTest {
    private static final String SUFFIX = ".shapes.json.gz";

    @TestFactory
    Stream<DynamicTest> everyComponentDeclaresTheCheckpointsTensors() {
        return Reference.tests("full_size", FullSizeShapesGoldenTest::all).sorted(BY_NAME);
    }

    private static final Comparator<DynamicTest> BY_NAME =
            Comparator.comparing(DynamicTest::getDisplayName);

    private static List<DynamicTest> all() {
        Path folder = Reference.open().require("full_size");
        List<DynamicTest> tests = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(f -> f.toString().endsWith(SUFFIX)).toList()) {
                String model = file.getFileName().toString().replace(SUFFIX, "");
                for (Map.Entry<String, JsonNode> component : read(file).properties()) {
                    if (component.getValue().has("tensors")) {
                        tests.add(
                                DynamicTest.dynamicTest(
                                        model + " " + component.getKey(),
                                        () -> check(component.getKey(), component.getValue())));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return tests;
    }

    private static JsonNode read(Path file) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            return new ObjectMapper().readTree(in);
        }
    }

    private static void check(String component, JsonNode golden) {
        JsonNode tensors = golden.get("tensors");
        JsonConfig config = new JsonConfig(component, golden.get("config"));
        Map<String, String> expected = new TreeMap<>();
        for (Map.Entry<String, JsonNode> t : tensors.properties()) {
            if (!t.getKey().endsWith("position_ids")) {
                List<Long> shape = new ArrayList<>();
                t.getValue().forEach(s -> shape.add(s.asLong()));
                expected.put(t.getKey(), shape.toString());
            }
        }
        try (Parameters parameters = build(component, config, tensors)) {
            Map<String, String> actual = new TreeMap<>();
            for (Parameter p : parameters.all()) {
                actual.put(p.name(), Arrays.toString(p.shape()));
            }
            assertThat(actual).isEqualTo(expected).isNotEmpty();
            assertThat(parameters.count()).isEqualTo(golden.get("parameters").asLong());
        }
    }

    private static Parameters build(String component, JsonConfig config, JsonNode tensors) {
        return switch (component) {
            case "unet" -> new UNet2DConditionModel(UNetConfig.of(config)).parameters();
            case "vae" -> new AutoencoderKL(VaeConfig.of(config)).parameters();
            case "text_encoder", "text_encoder_2" ->
                    new ClipTextModel(
                                    ClipTextConfig.of(config),
                                    tensors.has("text_projection.weight"))
                            .parameters();
            default -> throw new AssertionError("no class for component " + component);
        };
    }
}
