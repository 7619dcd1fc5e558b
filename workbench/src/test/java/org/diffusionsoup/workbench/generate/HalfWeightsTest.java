package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.generate.GenerateRequest.Ensemble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Drawing with weights that are held in half as many bytes. */
class HalfWeightsTest {
    private static final GenerateSettings WIDE =
            new GenerateSettings(2, 3, "", Optional.of(Sampler.DDIM), Optional.empty(), 2);
    private static final GenerateSettings F16 = WIDE.withWeights(WeightFormat.F16);

    @TempDir private Path dir;

    private static List<RgbImage> draw(Generator generator) {
        try (generator) {
            return generator.pictures(
                    List.of("a red cat", "a boat"), List.of(1L, 2L), Progress.silent());
        }
    }

    private static List<RgbImage> draw(Path model, GenerateSettings settings) {
        return draw(Generator.open(model, settings));
    }

    private static boolean saysThatItRounds(Path model, GenerateSettings settings) {
        try (Generator g = Generator.open(model, settings)) {
            return g.notes(List.of("a")).stream().anyMatch(n -> n.contains("rounded"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny-sd15", "tiny-sd21", "tiny-sdxl"})
    void filesOfTheFormatDrawWhatTheyDrawInFloat32(String name) {
        Path model = TinyModels.sd15().resolveSibling(name);
        Path f16 = TinyModels.halved(model, dir.resolve("f16"));
        assertThat(draw(f16, F16)).isEqualTo(draw(f16, WIDE));
        assertThat(saysThatItRounds(f16, F16)).isFalse();
        assertThat(saysThatItRounds(f16, WIDE)).isFalse();
        // what was float32 is rounded to the same numbers
        assertThat(draw(model, F16)).isEqualTo(draw(f16, WIDE));
        assertThat(saysThatItRounds(model, F16)).isTrue();
    }

    @Test
    void membersOfAnEnsembleAndLorasToo() {
        Path one =
                TinyModels.halved(
                        TinyModels.moved(dir.resolve("a"), TinyModels.jittered(1)),
                        dir.resolve("one"));
        Path two =
                TinyModels.halved(
                        TinyModels.moved(dir.resolve("b"), TinyModels.jittered(2)),
                        dir.resolve("two"));
        List<Path> both = List.of(one, two);
        List<Double> weights = List.of(0.3, 0.7);
        List<RgbImage> wide = draw(Generator.ensemble(both, weights, false, WIDE));
        assertThat(draw(Generator.ensemble(both, weights, false, F16))).isEqualTo(wide);
        assertThat(draw(Generator.ensemble(both, weights, true, F16))).isEqualTo(wide);
        // a LoRA's sums are rounded to the file's format before they are held
        List<LoraUse> loras = List.of(new LoraUse(TinyModels.lora("peft"), 0.7));
        List<RgbImage> updated = draw(Generator.open(one, WIDE, loras));
        assertThat(draw(Generator.open(one, F16, loras))).isEqualTo(updated);
        assertThat(updated).isNotEqualTo(draw(one, WIDE));
    }

    @Test
    void weightsThatAreExchangedAreRounded() {
        Path other = TinyModels.moved(dir.resolve("other"), TinyModels.jittered(3));
        try (Generator g = Generator.exchangeable(TinyModels.sd15(), F16);
                SafetensorsFile unet = SafetensorsFile.open(TinyModels.unet(other))) {
            g.exchange("unet", unet);
            assertThat(
                            g.pictures(
                                    List.of("a red cat", "a boat"),
                                    List.of(1L, 2L),
                                    Progress.silent()))
                    .isEqualTo(draw(other, F16));
        }
    }

    /** Rounding moves what is drawn, and the file says all that draws it again. */
    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void aPictureIsDrawnAgainFromWhatItsFileSays(WeightFormat format) throws IOException {
        Path file = dir.resolve("picture.png");
        Path each = dir.resolve("each");
        GenerateRun.Result result =
                new GenerateRun(
                                new GenerateRequest(
                                        List.of(TinyModels.sd15()),
                                        Ensemble.NONE,
                                        List.of("a red cat"),
                                        List.of(4L),
                                        WIDE.withWeights(format),
                                        List.of(),
                                        Optional.of(file),
                                        Optional.of(each)),
                                Progress.silent())
                        .run();
        Map<String, String> text = PngFiles.readText(file);
        PictureMetadata said = PictureMetadata.fromText(text).orElseThrow();
        assertThat(said.weights()).isEqualTo(format.dtype());
        if (format == WeightFormat.F32) {
            assertThat(text).doesNotContainKey("weights_dtype");
            assertThat(result.notes()).isEmpty();
        } else {
            assertThat(text).containsEntry("weights_dtype", format.name());
            assertThat(text.get("parameters")).endsWith(", Weights: " + format);
            assertThat(result.notes())
                    .containsExactly(
                            "The weights are rounded from F32, as files have them, to "
                                    + format
                                    + "; pictures differ from those of `dtype` F32.");
        }
        GenerateSettings again =
                new GenerateSettings(
                                said.steps(),
                                said.guidanceScale(),
                                said.negativePrompt(),
                                Optional.of(Sampler.parse(said.scheduler())),
                                Optional.empty(),
                                1)
                        .withWeights(WeightFormat.valueOf(said.weights().name()));
        try (Generator g = Generator.open(TinyModels.sd15(), again)) {
            assertThat(g.pictures(List.of(said.prompt()), List.of(said.seed()), Progress.silent()))
                    .containsExactly(PngCodec.decode(Files.readAllBytes(file), file.toString()));
        }
    }

    @Test
    void aSheetSaysIt() {
        Path file = dir.resolve("sheet.png");
        new GenerateRun(
                        new GenerateRequest(
                                List.of(TinyModels.sd15()),
                                Ensemble.NONE,
                                List.of("a red cat"),
                                List.of(4L, 5L),
                                F16,
                                List.of(),
                                Optional.of(file),
                                Optional.empty()),
                        Progress.silent())
                .run();
        assertThat(PngFiles.readText(file)).containsEntry("weights_dtype", "F16");
    }

    @Test
    void valuesBeyondTheRangeAreNamedBeforeAnythingIsDrawn() {
        Path large =
                TinyModels.moved(
                        dir.resolve("large"),
                        (name, w) -> {
                            if (name.equals("conv_in.bias")) {
                                w[0] = 1e6f;
                            }
                        });
        assertThatThrownBy(() -> Generator.open(large, F16))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        TinyModels.unet(large)
                                + " has values in conv_in.bias that are beyond the range of F16; draw with `dtype` BF16 or F32.");
        Generator.open(large, WIDE.withWeights(WeightFormat.BF16)).close();
    }

    @Test
    void theFilesTellTheFormatsAndTheLargestWeight() {
        StoredWeights wide = StoredWeights.of(List.of(TinyModels.sdxl()));
        assertThat(wide.dtypes()).containsExactly(DType.F32);
        assertThat(wide.isRounded(DType.F32)).isFalse();
        assertThat(wide.isRounded(DType.BF16)).isTrue();
        long largest =
                TinyModels.values(TinyModels.unet(TinyModels.sdxl())).values().stream()
                        .mapToLong(w -> w.length)
                        .max()
                        .orElseThrow();
        assertThat(wide.largest()).isEqualTo(largest);
        Path half = TinyModels.halved(TinyModels.sdxl(), dir.resolve("half"));
        assertThat(StoredWeights.of(List.of(half, TinyModels.sdxl())).dtypes())
                .containsExactly(DType.F32, DType.F16);
    }
}
