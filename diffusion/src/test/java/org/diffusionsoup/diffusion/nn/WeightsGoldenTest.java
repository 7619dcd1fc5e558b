package org.diffusionsoup.diffusion.nn;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.golden.ReferenceWeights;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Loading and saving of every component of the reference pipelines. */
class WeightsGoldenTest {
    @TempDir Path scratch;

    @TestFactory
    Stream<DynamicTest> loadedAndSavedUnchanged() {
        return Reference.tests("pipelines/*/*", this::components);
    }

    private List<DynamicTest> components() {
        Path root = Reference.open().require("pipelines");
        try (Stream<Path> folders = Files.walk(root, 2)) {
            return folders.filter(WeightsGoldenTest::holdsWeights)
                    .sorted()
                    .map(folder ->
                            DynamicTest.dynamicTest(
                                    root.relativize(folder).toString(), () -> roundTrip(folder)))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean holdsWeights(Path folder) {
        return Files.exists(folder.resolve("config.json"));
    }

    private void roundTrip(Path folder) {
        try (Parameters parameters = build(folder)) {
            ReferenceWeights.load(folder, parameters);
            Path saved = scratch.resolve("saved.safetensors");
            Weights.save(parameters, saved, DType.F32, Map.of("made by", "a test"));
            ReferenceWeights.assertSame(saved, parameters);
        }
    }

    private static Parameters build(Path folder) {
        JsonConfig config = JsonConfig.read(folder.resolve("config.json"));
        String component = folder.getFileName().toString();
        if (component.equals("unet")) {
            return new UNet2DConditionModel(UNetConfig.of(config)).parameters();
        }
        if (component.equals("vae")) {
            return new AutoencoderKL(VaeConfig.of(config)).parameters();
        }
        boolean projected =
                config.texts("architectures", List.of()).contains("CLIPTextModelWithProjection");
        return new ClipTextModel(ClipTextConfig.of(config), projected).parameters();
    }
}
