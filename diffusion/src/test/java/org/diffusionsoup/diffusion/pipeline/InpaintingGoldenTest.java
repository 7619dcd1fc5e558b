package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Inpainting against diffusers' own pipeline, from the same picture, mask and noise. */
class InpaintingGoldenTest {
    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private static Path temp;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @TestFactory
    Stream<DynamicTest> masks() {
        return Reference.each(
                "inpaint", g -> List.of(DynamicTest.dynamicTest(g.name(), () -> checkMask(g))));
    }

    private static void checkMask(Golden g) {
        JsonNode images = g.manifest().path("images");
        JsonNode constants = g.manifest().path("constants");
        int width = constants.path("width").asInt();
        int height = constants.path("height").asInt();
        try (Scope scope = Scope.open();
                TextToImagePipeline pipeline = TextToImagePipeline.load(g.pipeline())) {
            Tensor pixels =
                    SourcePicture.pixels(read(g, images.path("image").asText()), width, height);
            g.assertClose("pixels", pixels);
            Tensor mask = SourcePicture.mask(read(g, images.path("mask").asText()), width, height);
            g.assertClose("mask", mask);
            long[] small = g.shape("mask_latent");
            g.assertClose(
                    "mask_latent",
                    Inpainting.shrunk(mask, Math.toIntExact(small[2]), Math.toIntExact(small[3])));
            Tensor masked = Inpainting.without(pixels, mask);
            g.assertClose("masked_pixels", masked);
            g.assertClose(
                    "masked_image_latents",
                    new ImageToImage(pipeline).encode(masked, g.tensor("vae_noise_masked")));
        }
    }

    private static Picture read(Golden g, String file) {
        return Picture.read(g.reference().require(file));
    }

    @TestFactory
    Stream<DynamicTest> runs() {
        return GoldenRun.each("inpaint", InpaintingGoldenTest::check);
    }

    private static void check(Golden g, String name, JsonNode run) throws IOException {
        JsonNode all = g.manifest();
        int channels = run.path("unet_in_channels").asInt();
        boolean wider = channels != g.shape("vae_noise")[1];
        Path folder = wider ? withMoreChannels(g, channels) : g.pipeline();
        try (Scope scope = Scope.open();
                TextToImagePipeline loaded = TextToImagePipeline.load(folder)) {
            SchedulerConfig scheduler = GoldenRun.scheduler(name, run);
            TextToImagePipeline pipeline = loaded.with(scheduler);
            ImageToImage images = new ImageToImage(pipeline);
            Inpainting painter = new Inpainting(pipeline);
            Inpainting.Canvas canvas =
                    new Inpainting.Canvas(
                            images.encode(g.tensor("pixels"), g.tensor("vae_noise")),
                            images.encode(g.tensor("masked_pixels"), g.tensor("vae_noise_masked")),
                            g.tensor("mask_latent"));
            Tensor noise = g.tensor("noise");
            int steps = run.path("steps").asInt();
            double strength = run.path("strength").asDouble();
            GoldenRun.checkStart(
                    g,
                    name,
                    scheduler,
                    steps,
                    painter.course(canvas, noise, ImageToImage.skipped(steps, strength), strength));
            SamplingOptions options =
                    new SamplingOptions(
                            steps,
                            all.path("guidance_scale").asDouble(),
                            0,
                            all.path("negative_prompt").asText(),
                            all.path("constants").path("height").asInt(),
                            all.path("constants").path("width").asInt());
            Tensor made =
                    painter.denoise(
                            List.of(all.path("prompt").asText()),
                            canvas,
                            noise,
                            strength,
                            options,
                            Optional.empty(),
                            (i, x) -> {});
            GoldenRun.checkEnd(g, name, made, pipeline.decode(made));
            if (wider) {
                assertThatThrownBy(() -> pipeline.generate(List.of("a"), new long[1], options))
                        .isInstanceOf(SoupException.class)
                        .hasMessageContaining("mask");
            }
        }
    }

    /** The pipeline with the UNet's first convolution replaced by the golden's wider one. */
    private static Path withMoreChannels(Golden g, int channels) throws IOException {
        Path folder = temp.resolve(g.name().replace('/', '-'));
        if (Files.exists(folder)) {
            return folder;
        }
        Path from = g.pipeline();
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path to = folder.resolve(from.relativize(file).toString());
                Files.createDirectories(to.getParent());
                Files.copy(file, to);
            }
        }
        rewrite(folder.resolve("unet/config.json"), "in_channels", channels);
        ObjectNode index = JsonConfig.read(folder.resolve("model_index.json")).node().deepCopy();
        index.put("_class_name", "StableDiffusionInpaintPipeline");
        Files.writeString(folder.resolve("model_index.json"), index.toString());
        List<TensorEntry> tensors = new ArrayList<>();
        try (SafetensorsFile unet = SafetensorsFile.open(from.resolve(WEIGHTS))) {
            for (String tensor : unet.tensors().keySet()) {
                String wider = "unet9." + tensor;
                tensors.add(
                        g.has(wider)
                                ? TensorEntry.ofFloats(tensor, g.shape(wider), g.floats(wider))
                                : TensorEntry.ofFloats(
                                        tensor,
                                        unet.tensors().get(tensor).shape(),
                                        unet.floats(tensor)));
            }
        }
        Files.delete(folder.resolve(WEIGHTS));
        SafetensorsWriter.write(folder.resolve(WEIGHTS), Map.of(), tensors);
        return folder;
    }

    private static void rewrite(Path file, String field, int value) throws IOException {
        ObjectNode config = JsonConfig.read(file).node().deepCopy();
        config.put(field, value);
        Files.writeString(file, config.toString());
    }
}
