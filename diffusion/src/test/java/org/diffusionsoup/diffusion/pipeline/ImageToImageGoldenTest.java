package org.diffusionsoup.diffusion.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.golden.Golden;
import org.diffusionsoup.diffusion.golden.Reference;
import org.diffusionsoup.diffusion.schedule.SchedulerConfig;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Image to image against diffusers' own pipelines, from the same pictures and noise. */
class ImageToImageGoldenTest {
    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @TestFactory
    Stream<DynamicTest> pictures() {
        return Reference.each(
                "img2img",
                g -> {
                    List<DynamicTest> tests = new ArrayList<>();
                    for (Map.Entry<String, JsonNode> image :
                            g.manifest().path("images").properties()) {
                        tests.add(
                                DynamicTest.dynamicTest(
                                        g.name() + " " + image.getKey(),
                                        () -> checkPicture(g, image)));
                    }
                    return tests;
                });
    }

    private static void checkPicture(Golden g, Map.Entry<String, JsonNode> image) {
        String name = image.getKey();
        Path file = g.reference().require(image.getValue().asText());
        try (Scope scope = Scope.open();
                TextToImagePipeline pipeline = TextToImagePipeline.load(g.pipeline())) {
            long[] shape = g.shape(name + ".pixels");
            Picture picture = Picture.read(file);
            Tensor pixels =
                    SourcePicture.pixels(
                            picture, Math.toIntExact(shape[3]), Math.toIntExact(shape[2]));
            // Sides are rounded down to what the autoencoder divides.
            int factor = g.manifest().path("vae_scale_factor").asInt();
            assertThat(shape[2]).isEqualTo(picture.height() / factor * factor);
            assertThat(shape[3]).isEqualTo(picture.width() / factor * factor);
            boolean resized = shape[2] != picture.height() || shape[3] != picture.width();
            double levels = resized ? 2 * 2 / 255.0 + 1e-6 : 1e-6;
            g.assertClose(name + ".pixels", pixels.toFloatArray(), levels, shape);

            Tensor init =
                    new ImageToImage(pipeline)
                            .encode(g.tensor(name + ".pixels"), g.tensor(name + ".vae_noise"));
            g.assertClose(name + ".init", init);
        }
    }

    @TestFactory
    Stream<DynamicTest> runs() {
        return GoldenRun.each("img2img", ImageToImageGoldenTest::check);
    }

    private static void check(Golden g, String name, JsonNode run) {
        JsonNode all = g.manifest();
        String image = run.path("image").asText();
        try (Scope scope = Scope.open();
                TextToImagePipeline loaded = TextToImagePipeline.load(g.pipeline())) {
            SchedulerConfig scheduler = GoldenRun.scheduler(name, run);
            TextToImagePipeline pipeline = loaded.with(scheduler);
            ImageToImage painter = new ImageToImage(pipeline);
            Tensor init =
                    painter.encode(g.tensor(image + ".pixels"), g.tensor(image + ".vae_noise"));
            Tensor noise = g.tensor(image + ".noise");
            int steps = run.path("steps").asInt();
            double strength = run.path("strength").asDouble();
            int skipped = ImageToImage.skipped(steps, strength);
            assertThat(steps - skipped).isEqualTo(run.path("run_steps").asInt());
            GoldenRun.checkStart(
                    g, name, scheduler, steps, ImageToImage.course(init, noise, skipped));

            Tensor made =
                    painter.denoise(
                            List.of(all.path("prompt").asText()),
                            init,
                            noise,
                            strength,
                            new SamplingOptions(
                                    steps,
                                    all.path("guidance_scale").asDouble(),
                                    0,
                                    all.path("negative_prompt").asText(),
                                    run.path("height").asInt(),
                                    run.path("width").asInt()),
                            Optional.empty(),
                            (i, x) -> {});
            GoldenRun.checkEnd(g, name, made, pipeline.decode(made));
        }
    }

    @Test
    void aStrengthLeavesOutWholeSteps() {
        assertThat(ImageToImage.skipped(50, 0.58)).isEqualTo(22); // the product is 28.999...
        assertThat(ImageToImage.skipped(10, 1)).isZero();
        assertThatThrownBy(() -> ImageToImage.skipped(10, 0.05))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("leaves none")
                .hasMessageContaining("0.1");
        assertThatThrownBy(() -> ImageToImage.skipped(6, 0.05))
                .hasMessageContaining("a strength of at least 0.1667.");
        assertThat(ImageToImage.skipped(6, 0.1667)).isEqualTo(5);
        assertThatThrownBy(() -> ImageToImage.skipped(10, 1.5))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("1.5");
    }
}
