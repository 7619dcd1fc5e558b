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
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Settings of the sampling, and the small words they are given in. */
class GenerateSettingsTest {
    @TempDir private Path dir;

    private static GenerateSettings of(int steps, double guidance, int batch) {
        return new GenerateSettings(steps, guidance, "", Optional.empty(), Optional.empty(), batch);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 | 3 | 1 | `steps` must be at least 1, not 0.",
                "-5 | 3 | 1 | `steps` must be at least 1, not -5.",
                "1 | -0.1 | 1 | `guidance` must be a number of at least 0, not -0.1.",
                "1 | NaN | 1 | `guidance` must be a number of at least 0, not NaN.",
                "1 | Infinity | 1 | `guidance` must be a number of at least 0, not Infinity.",
                "1 | 3 | 0 | `batch` must be at least 1, not 0.",
            })
    void whatIsOutOfRangeIsNamed(int steps, double guidance, int batch, String sentence) {
        assertThatThrownBy(() -> of(steps, guidance, batch))
                .isInstanceOf(SoupException.class)
                .hasMessage(sentence);
    }

    @Test
    void theLeastOfEverythingIsTaken() {
        assertThat(of(1, 0, 1).guidance()).isZero();
    }

    @Test
    void defaultsAreTheModelsOwnAndMoreStepsToo() throws IOException {
        GenerateSettings usual = GenerateSettings.defaults();
        assertThat(usual.isModelsOwn()).isTrue();
        assertThat(usual.withSteps(26).isModelsOwn()).isTrue();
        assertThat(usual.withSteps(24).isModelsOwn()).isFalse();
        assertThat(of(25, 2.9, 16).isModelsOwn()).isFalse();
        assertThat(of(25, 3, 4).isModelsOwn()).as("a batch changes no picture").isTrue();
        for (GenerateSettings other :
                List.of(
                        new GenerateSettings(25, 3, "dark", Optional.empty(), Optional.empty(), 16),
                        new GenerateSettings(
                                25, 3, "", Optional.of(Sampler.DDIM), Optional.empty(), 16),
                        new GenerateSettings(
                                25,
                                3,
                                "",
                                Optional.empty(),
                                Optional.of(PictureSize.square(64)),
                                16),
                        usual.withWeights(WeightFormat.F16),
                        usual.withSource(source(0.5)))) {
            assertThat(other.isModelsOwn()).isFalse();
        }
    }

    private Source source(double strength) throws IOException {
        Path file = dir.resolve("a.png");
        Files.write(file, PngCodec.encode(TinyModels.noise(8, 1)));
        return Source.read(file, Optional.empty(), strength);
    }

    @Test
    void aStrengthThatLeavesNoStepIsRefused() throws IOException {
        GenerateSettings ten = of(10, 3, 1);
        assertThat(ten.withSource(source(0.1)).source()).isPresent();
        Source weak = source(0.05);
        assertThatThrownBy(() -> ten.withSource(weak))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "`strength` 0.05 of 10 steps leaves none; take more steps, or a strength of at least 0.1.");
        for (double wrong : new double[] {0, -1, 1.01, Double.NaN}) {
            Source source = source(wrong);
            assertThatThrownBy(() -> ten.withSource(source))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("`strength` must be over 0 and at most 1");
        }
    }

    @Test
    void otherStepsKeepTheRest() throws IOException {
        GenerateSettings all =
                new GenerateSettings(
                        5,
                        2,
                        "dark",
                        Optional.of(Sampler.LMS),
                        Optional.of(PictureSize.square(32)),
                        Optional.of(source(0.5)),
                        7,
                        false,
                        WeightFormat.BF16);
        GenerateSettings more = all.withSteps(9);
        assertThat(more.steps()).isEqualTo(9);
        assertThat(more.withSteps(5)).isEqualTo(all);
        assertThat(all.withSource(source(0.5)).weights()).isEqualTo(WeightFormat.BF16);
        GenerateSettings wide = all.withWeights(WeightFormat.F32);
        assertThat(wide).isNotEqualTo(all);
        assertThat(wide.withWeights(WeightFormat.BF16)).isEqualTo(all);
    }

    @ParameterizedTest
    @EnumSource(Sampler.class)
    void schedulersAreKnownByBothNamesInAnyCase(Sampler sampler) {
        for (String text :
                List.of(
                        sampler.word(),
                        sampler.word().toUpperCase(java.util.Locale.ROOT),
                        sampler.className(),
                        sampler.className().toLowerCase(java.util.Locale.ROOT))) {
            assertThat(Sampler.parse(text)).isEqualTo(sampler);
        }
    }

    @Test
    void anUnknownSchedulerIsAnsweredWithAllWords() {
        assertThatThrownBy(() -> Sampler.parse("dpm"))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "`scheduler` 'dpm' is unknown; use ddim, ddpm, dpm++2m, euler, euler-a, heun, lms, pndm, unipc.");
    }

    @Test
    void aLoraIsAFileWithOrWithoutAStrength() throws IOException {
        Path lora = Files.writeString(dir.resolve("style.safetensors"), "x");
        Path odd = Files.writeString(dir.resolve("odd:2"), "x");
        assertThat(LoraUse.parse(lora.toString())).isEqualTo(new LoraUse(lora, 1));
        assertThat(LoraUse.parse(lora + ":0.7")).isEqualTo(new LoraUse(lora, 0.7));
        assertThat(LoraUse.parse(lora + ":-1.5e-1")).isEqualTo(new LoraUse(lora, -0.15));
        assertThat(LoraUse.parse(lora + ":.5")).isEqualTo(new LoraUse(lora, 0.5));
        assertThat(LoraUse.parse(odd.toString()))
                .as("a file of that name is no strength")
                .isEqualTo(new LoraUse(odd, 1));
        assertThat(LoraUse.parse(odd + ":3")).isEqualTo(new LoraUse(odd, 3));
        for (String none : List.of(dir.resolve("no.safetensors").toString(), lora + ":strong")) {
            assertThatThrownBy(() -> LoraUse.parse(none))
                    .isInstanceOf(SoupException.class)
                    .hasMessageStartingWith("There is no LoRA ")
                    .hasMessageEndingWith("; name a file, or FILE:0.7 with its strength.");
        }
    }

    @Test
    void modelsAreCalledByTheirFoldersOrTheirPaths() {
        assertThat(ModelNames.of(List.of(Path.of("a/x"), Path.of("a/y"))))
                .containsExactly("x", "y");
        assertThat(ModelNames.of(List.of(Path.of("a/x"), Path.of("b/x"))))
                .containsExactly(Path.of("a/x").toString(), Path.of("b/x").toString());
        assertThat(ModelNames.of(Path.of("a/x/../y/."))).isEqualTo("y");
        assertThatThrownBy(() -> ModelNames.of(List.of(Path.of("a/x"), Path.of("a/./x"))))
                .isInstanceOf(SoupException.class)
                .hasMessage("The same `model` is given twice.");
    }

    @Test
    void promptsFilesLoseBlankLinesAndRemarks() throws IOException {
        Path file = dir.resolve("prompts.txt");
        Files.writeString(file, "\ufeffa cat\n\n  # no prompt\n  two boats \r\n#a\n");
        assertThat(Prompts.read(file)).containsExactly("a cat", "two boats");
        Files.writeString(file, "# nothing\n\n");
        assertThatThrownBy(() -> Prompts.read(file))
                .isInstanceOf(SoupException.class)
                .hasMessage("The prompts file " + file + " holds no prompt; write one a line.");
        Files.write(file, new byte[] {'a', (byte) 0xff, 'b'});
        assertThatThrownBy(() -> Prompts.read(file))
                .isInstanceOf(SoupException.class)
                .hasMessage(file + " is not UTF-8 text; save it as UTF-8");
        assertThatThrownBy(() -> Prompts.read(dir))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("is a folder");
        assertThatThrownBy(() -> Prompts.read(dir.resolve("none")))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "There is no prompts file "
                                + dir.resolve("none")
                                + "; it is a text file with one prompt a line.");
    }
}
