package org.diffusionsoup.diffusion.image;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** CLIP's preprocessing of picture files against PIL with torchvision and with transformers. */
class ClipPreprocessGoldenTest {
    private static final String DECODED = "/decoded_rgb";
    private static final String RESIZED = "/resized_rgb_u8";

    private static List<String> pictures(Golden golden) {
        return golden.tensors().stream()
                .filter(name -> name.endsWith(DECODED))
                .map(name -> name.substring(0, name.length() - DECODED.length()))
                .toList();
    }

    private static Picture read(Golden golden, String name) {
        return Picture.read(golden.reference().require("clip/images/" + name + ".png"));
    }

    @TestFactory
    Stream<DynamicTest> everyStep() {
        return Reference.each("clip_preprocess", ClipPreprocessGoldenTest::everyStep);
    }

    private static List<DynamicTest> everyStep(Golden golden) {
        List<DynamicTest> tests = new ArrayList<>();
        for (String name : pictures(golden)) {
            tests.add(test(golden, name + DECODED, () -> read(golden, name).toRgb()));
            tests.add(test(golden, name + RESIZED, () -> resized(golden, name)));
            tests.add(pixels(golden, name, "openai", ImagePreprocessor.Order.OPENAI));
            tests.add(pixels(golden, name, "hf", ImagePreprocessor.Order.HUGGING_FACE));
        }
        return tests;
    }

    private static Picture resized(Golden golden, String name) {
        long[] shape = golden.shape(name + RESIZED);
        return read(golden, name).toRgb().resizeBicubic((int) shape[1], (int) shape[0]);
    }

    private static DynamicTest test(Golden golden, String tensor, Supplier<Picture> computed) {
        return DynamicTest.dynamicTest(
                golden.name() + " " + tensor,
                () -> {
                    Picture picture = computed.get();
                    byte[] samples = picture.samples();
                    float[] values = new float[samples.length];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = samples[i] & 0xFF;
                    }
                    golden.assertClose(tensor, values, picture.height(), picture.width(), 3);
                });
    }

    private static DynamicTest pixels(
            Golden golden, String name, String variant, ImagePreprocessor.Order order) {
        String tensor = name + "/" + variant;
        return DynamicTest.dynamicTest(
                golden.name() + " " + tensor,
                () -> {
                    int side = golden.manifest().path("n_px").asInt();
                    var preprocessor = new ImagePreprocessor(PreprocessorConfig.clip(side), order);
                    PixelTensor pixels = preprocessor.preprocess(read(golden, name));
                    assertThat(pixels.shape()).containsExactly(1, 3, side, side);
                    golden.assertClose(tensor, pixels.values(), 3, side, side);
                });
    }

    @TestFactory
    Stream<DynamicTest> configsOfTheModels() {
        return Reference.tests("preprocessor_config.json", ClipPreprocessGoldenTest::configs);
    }

    private static List<DynamicTest> configs() {
        Path folder = Reference.open().require("clip");
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.endsWith("preprocessor_config.json"))
                    .map(file -> config(folder, file))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static DynamicTest config(Path folder, Path file) {
        return DynamicTest.dynamicTest(
                folder.relativize(file).toString(),
                () -> {
                    PreprocessorConfig read = PreprocessorConfig.read(file);
                    JsonNode json = Reference.json(file);
                    assertThat(read.shortestEdge())
                            .isEqualTo(json.at("/size/shortest_edge").asInt());
                    assertThat(read.cropHeight()).isEqualTo(json.at("/crop_size/height").asInt());
                    assertThat(read.cropWidth()).isEqualTo(json.at("/crop_size/width").asInt());
                    assertThat(read.resizes()).isEqualTo(json.path("do_resize").asBoolean());
                    for (int i = 0; i < 3; i++) {
                        assertThat(read.mean().get(i))
                                .isEqualTo(json.at("/image_mean/" + i).asDouble());
                        assertThat(read.std().get(i))
                                .isEqualTo(json.at("/image_std/" + i).asDouble());
                    }
                });
    }
}
