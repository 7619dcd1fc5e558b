package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The tiny model has three levels and an autoencoder that divides by 4: multiples of 16 suit it.
 */
class DrawingPlanTest {
    @TempDir private Path dir;

    private static LoadedModel model;

    @BeforeAll
    static void load() {
        model = LoadedModel.of(TinyModels.sd15(), List.of(), WeightFormat.F32);
    }

    @AfterAll
    static void release() {
        model.release().run();
    }

    private static GenerateSettings settings(Optional<PictureSize> size) {
        return new GenerateSettings(9, 4.5, "dark", Optional.empty(), size, 3);
    }

    private static DrawingPlan plan(String size) {
        return new DrawingPlan(model, settings(Optional.of(PictureSize.parse(size))), 64);
    }

    private GenerateSettings beginning(int width, int height, Optional<PictureSize> size)
            throws IOException {
        Path file = dir.resolve(width + "x" + height + ".png");
        Files.write(
                file, PngCodec.encode(new RgbImage(width, height, new byte[3 * width * height])));
        return settings(size).withSource(Source.read(file, Optional.empty(), 0.9));
    }

    @Test
    void withoutASizeItIsTheOneTheModelWasTrainedOn() {
        DrawingPlan plan = new DrawingPlan(model, settings(Optional.empty()), 64);
        assertThat(plan.size()).isEqualTo(PictureSize.square(64));
        assertThat(plan.notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"16", "48x32", "128", "80x16"})
    void multiplesSuit(String size) {
        assertThat(plan(size).size().text()).isEqualTo(size);
        assertThat(plan(size).notes())
                .singleElement()
                .asString()
                .contains("the model was trained on 64x64")
                .endsWith("or leave `size` out.");
    }

    @Test
    void otherSizesAreRefusedWithTheDivisor() {
        assertThatThrownBy(() -> plan("40"))
                .isInstanceOf(SoupException.class)
                .hasMessage("`size` 40 does not suit tiny-sd15; give a multiple of 16.");
        assertThatThrownBy(() -> plan("32x40"))
                .isInstanceOf(SoupException.class)
                .hasMessage("`size` 32x40 does not suit tiny-sd15; give multiples of 16.");
        assertThatThrownBy(() -> plan("40x32"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("40x32 does not suit");
    }

    @Test
    void optionsAreTheSettingsWithHeightAndWidthInTheirPlaces() {
        var options = plan("48x32").options();
        assertThat(options.width()).isEqualTo(48);
        assertThat(options.height()).isEqualTo(32);
        assertThat(options.steps()).isEqualTo(9);
        assertThat(options.guidanceScale()).isEqualTo(4.5);
        assertThat(options.guidanceRescale()).isZero();
        assertThat(options.negativePrompt()).isEqualTo("dark");
        assertThat(plan("48x32").options(2).steps()).isEqualTo(2);
    }

    @Test
    void aPictureToBeginWithGivesItsSizeRoundedDown() throws IOException {
        DrawingPlan plan = new DrawingPlan(model, beginning(79, 33, Optional.empty()), 64);
        assertThat(plan.size()).isEqualTo(new PictureSize(64, 32));
        assertThat(plan.notes()).singleElement().asString().endsWith("or give `size` 64.");
        assertThat(
                        new DrawingPlan(
                                        model,
                                        beginning(79, 34, Optional.of(PictureSize.square(16))),
                                        64)
                                .size())
                .as("a size given wins")
                .isEqualTo(PictureSize.square(16));
    }

    @Test
    void aPictureTooSmallToBeginWithIsRefused() throws IOException {
        GenerateSettings small = beginning(100, 15, Optional.empty());
        assertThatThrownBy(() -> new DrawingPlan(model, small, 64))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "The picture of 100x15 pixels is too small for tiny-sd15; give one of at least 16 in both directions, or a `size`.");
    }

    @Test
    void absurdSizesAndNumbersAreRefusedBeforeAnythingIsDrawn() {
        assertThatThrownBy(() -> plan("160000000"))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("Drawing a picture of 160,000,000×160,000,000 at once");
        assertThatThrownBy(() -> plan("64").checkMemory(Integer.MAX_VALUE))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("draw fewer prompts or seeds at once");
        plan("64").checkMemory(5);
    }
}
