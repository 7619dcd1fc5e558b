package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.pipeline.SamplingOptions;
import org.diffusionsoup.diffusion.pipeline.TextToImagePipeline;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One model, and what may be done with its weights; {@link EnsembleTest} has several. */
class GeneratorTest {
    private static final List<String> PROMPTS = List.of("a red cat", "two boats", "a house");

    @TempDir private Path dir;

    private static GenerateSettings settings(int batch) {
        return settings(3, 4, batch);
    }

    private static GenerateSettings settings(int steps, double guidance, int batch) {
        return new GenerateSettings(
                steps, guidance, "", Optional.of(Sampler.DDIM), Optional.empty(), batch);
    }

    private static List<RgbImage> draw(Path model, GenerateSettings settings) {
        try (Generator g = Generator.open(model, settings)) {
            return draw(g);
        }
    }

    private static List<RgbImage> draw(Generator g) {
        return g.pictures(PROMPTS, List.of(1L, 2L, 3L), Progress.silent());
    }

    @Test
    void thePicturesAreThePipelinesOfTheSameSeeds() {
        byte[][] expected;
        try (TextToImagePipeline p = TextToImagePipeline.load(TinyModels.sd15());
                Scope scope = Scope.open()) {
            expected =
                    TextToImagePipeline.toBytes(
                            p.with(p.scheduler().withClassName("EulerDiscreteScheduler"))
                                    .generate(
                                            PROMPTS,
                                            new long[] {1, 2, 3},
                                            new SamplingOptions(4, 5, 0, "blurry", 48, 80)));
        }
        GenerateSettings settings =
                new GenerateSettings(
                        4,
                        5,
                        "blurry",
                        Optional.of(Sampler.EULER),
                        Optional.of(new PictureSize(80, 48)),
                        3);
        List<RgbImage> drawn = draw(TinyModels.sd15(), settings);
        for (int i = 0; i < 3; i++) {
            assertThat(drawn.get(i).width()).isEqualTo(80);
            assertThat(drawn.get(i).height()).isEqualTo(48);
            assertThat(drawn.get(i).pixels()).isEqualTo(expected[i]);
        }
    }

    @Test
    void theSameCallGivesTheSameBytesAndAnotherSeedOthers() {
        try (Generator g = Generator.open(TinyModels.sd15(), settings(2))) {
            assertThat(draw(g)).isEqualTo(draw(g));
            RgbImage one = g.pictures(List.of("a"), List.of(1L), Progress.silent()).getFirst();
            RgbImage other = g.pictures(List.of("a"), List.of(2L), Progress.silent()).getFirst();
            assertThat(TinyModels.difference(one, other)).isGreaterThan(20);
        }
    }

    /** To the last bit before rounding: another batch changes the order of additions. */
    @Test
    void aSeedsPictureIsTheSameInAnyPlaceOfAnyBatch() {
        Random random = new Random(7);
        List<RgbImage> alone = new ArrayList<>();
        List<Long> seeds = List.of(5L, 0L, -3L, 1L << 40, 77L);
        try (Generator g = Generator.open(TinyModels.sd15(), settings(1))) {
            for (long seed : seeds) {
                alone.addAll(g.pictures(List.of("a red cat"), List.of(seed), Progress.silent()));
            }
        }
        for (int batch : new int[] {2, 5}) {
            List<Integer> order = new ArrayList<>(List.of(0, 1, 2, 3, 4));
            Collections.shuffle(order, random);
            try (Generator g = Generator.open(TinyModels.sd15(), settings(batch))) {
                List<RgbImage> together =
                        g.pictures(
                                Collections.nCopies(5, "a red cat"),
                                order.stream().map(seeds::get).toList(),
                                Progress.silent());
                assertThat(TinyModels.difference(together, order.stream().map(alone::get).toList()))
                        .as("batch %d, order %s", batch, order)
                        .isLessThanOrEqualTo(1);
            }
        }
    }

    @Test
    void aGridHasARowPerPromptAndAColumnPerSeed() {
        List<Long> seeds = List.of(9L, 4L);
        try (Generator g = Generator.open(TinyModels.sd15(), settings(1))) {
            List<List<RgbImage>> grid = g.grid(PROMPTS, seeds, Progress.silent());
            assertThat(grid).hasSize(3).allSatisfy(row -> assertThat(row).hasSize(2));
            for (int p = 0; p < 3; p++) {
                for (int s = 0; s < 2; s++) {
                    assertThat(grid.get(p).get(s))
                            .isEqualTo(
                                    g.pictures(
                                                    PROMPTS.subList(p, p + 1),
                                                    seeds.subList(s, s + 1),
                                                    Progress.silent())
                                            .getFirst());
                }
            }
        }
    }

    @Test
    void progressCountsPicturesBatchByBatch() {
        TellingProgress told = new TellingProgress();
        try (Generator g = Generator.open(TinyModels.sd15(), settings(2))) {
            g.pictures(PROMPTS, List.of(1L, 2L, 3L), told);
        }
        assertThat(told.tasks).containsExactly("generate tiny-sd15");
        assertThat(told.totals).containsExactly(3L);
        assertThat(told.done).containsExactly(3L);
    }

    @Test
    void promptsWithoutAsManySeedsAreNoPictures() {
        try (Generator g = Generator.open(TinyModels.sd15(), settings(1))) {
            assertThatThrownBy(() -> g.pictures(PROMPTS, List.of(1L), Progress.silent()))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> g.pictures(List.of(), List.of(), Progress.silent()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void withoutGuidanceTheNegativePromptChangesNothing() {
        List<List<RgbImage>> drawn = new ArrayList<>();
        for (double guidance : new double[] {1, 4}) {
            for (String negative : new String[] {"", "dark blue"}) {
                drawn.add(
                        draw(
                                TinyModels.sd15(),
                                new GenerateSettings(
                                        2,
                                        guidance,
                                        negative,
                                        Optional.of(Sampler.DDIM),
                                        Optional.empty(),
                                        3)));
            }
        }
        assertThat(drawn.get(0)).isEqualTo(drawn.get(1));
        assertThat(drawn.get(2)).isNotEqualTo(drawn.get(3));
        assertThat(drawn.get(2)).isNotEqualTo(drawn.get(0));
    }

    @ParameterizedTest
    @EnumSource(Sampler.class)
    void everySchedulerDrawsAndIsNamed(Sampler sampler) {
        GenerateSettings settings =
                new GenerateSettings(3, 3, "", Optional.of(sampler), Optional.empty(), 4);
        try (Generator g = Generator.open(TinyModels.sd15(), settings)) {
            assertThat(g.schedulerName()).isEqualTo(sampler.className());
            assertThat(g.metadata("p", 3).scheduler()).isEqualTo(sampler.className());
            RgbImage drawn = g.pictures(List.of("p"), List.of(3L), Progress.silent()).getFirst();
            assertThat(TinyModels.difference(drawn, TinyModels.plain(64, 0, 0, 0)))
                    .isGreaterThan(50);
        }
    }

    @Test
    void withoutASchedulerItIsTheModelsOwn() {
        try (Generator g = Generator.open(TinyModels.sd15(), GenerateSettings.defaults())) {
            assertThat(g.schedulerName()).isEqualTo("PNDMScheduler");
            assertThat(g.size()).isEqualTo(PictureSize.square(64));
            assertThat(g.name()).isEqualTo("tiny-sd15");
            assertThat(g.members()).isEmpty();
        }
    }

    @Test
    void metadataHaveAllThatMakesThePictureAgain() {
        GenerateSettings settings =
                new GenerateSettings(
                        7, 2.5, "dark", Optional.of(Sampler.HEUN), Optional.empty(), 4);
        try (Generator g = Generator.open(TinyModels.sd15(), settings)) {
            assertThat(g.metadata("a cat", -8).toText())
                    .containsEntry("prompt", "a cat")
                    .containsEntry("negative_prompt", "dark")
                    .containsEntry("seed", "-8")
                    .containsEntry("steps", "7")
                    .containsEntry("guidance_scale", "2.5")
                    .containsEntry("scheduler", "HeunDiscreteScheduler")
                    .containsEntry(
                            "model_sha256", WeightsHash.of(TinyModels.unet(TinyModels.sd15())));
        }
    }

    @Test
    void moreStepsThanTimestepsAreRefused() {
        assertThatThrownBy(() -> Generator.open(TinyModels.sd15(), settings(1001, 3, 1)))
                .isInstanceOf(SoupException.class)
                .hasMessage(
                        "`steps` 1001 is more than the 1000 timesteps that tiny-sd15 was trained with.");
    }

    @Test
    void aFolderWithoutAModelIsRefused() {
        assertThatThrownBy(() -> Generator.open(dir.resolve("none"), settings(1)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("There is no model " + dir.resolve("none"));
        assertThatThrownBy(() -> Generator.open(dir, settings(1)))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(dir.toString());
    }

    @Test
    void exchangedWeightsDrawAsTheModelTheyAreOf() {
        Path other = TinyModels.moved(dir.resolve("other"), TinyModels.jittered(1));
        TinyModels.change(
                other.resolve("vae/diffusion_pytorch_model.safetensors"), TinyModels.jittered(2));
        List<RgbImage> expected = draw(other, settings(3));
        List<RgbImage> base = draw(TinyModels.sd15(), settings(3));
        try (Generator g = Generator.exchangeable(TinyModels.sd15(), settings(3))) {
            assertThat(draw(g)).isEqualTo(base);
            for (Path from : List.of(other, TinyModels.sd15())) {
                for (String part : List.of("unet", "vae")) {
                    try (SafetensorsFile f =
                            SafetensorsFile.open(
                                    from.resolve(part + "/diffusion_pytorch_model.safetensors"))) {
                        g.exchange(part, f);
                    }
                }
                assertThat(draw(g)).isEqualTo(from.equals(other) ? expected : base);
            }
        }
        assertThat(expected).isNotEqualTo(base);
    }

    @Test
    void onlyWhatIsDrawnWithIsExchanged() {
        try (SafetensorsFile unet = SafetensorsFile.open(TinyModels.unet(TinyModels.sd15()));
                Generator fixed = Generator.open(TinyModels.sd15(), settings(1));
                Generator free = Generator.exchangeable(TinyModels.sd15(), settings(1))) {
            assertThatThrownBy(() -> fixed.exchange("unet", unet))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("only [] can be");
            assertThatThrownBy(() -> free.exchange("safety_checker", unet))
                    .isInstanceOf(SoupException.class)
                    .hasMessage(
                            "The ingredients differ in 'safety_checker', which is not drawn with; only [text_encoder, unet, vae] can be.");
        }
    }

    @Test
    void weightsOfAnotherShapeAreNotTaken() {
        try (SafetensorsFile unet = SafetensorsFile.open(TinyModels.unet(TinyModels.sd21()));
                Generator g = Generator.exchangeable(TinyModels.sd15(), settings(1))) {
            assertThatThrownBy(() -> g.exchange("unet", unet)).isInstanceOf(SoupException.class);
        }
    }

    @Test
    void aLoraOfStrengthNothingChangesNothingAndHashesAreTheModels() {
        GenerateSettings settings = settings(3);
        List<RgbImage> base = draw(TinyModels.sd15(), settings);
        List<List<RgbImage>> drawn = new ArrayList<>();
        for (double strength : new double[] {0, 1, 2}) {
            try (Generator g =
                    Generator.open(
                            TinyModels.sd15(),
                            settings,
                            List.of(new LoraUse(TinyModels.lora("peft"), strength)))) {
                assertThat(g.unetHash())
                        .isEqualTo(WeightsHash.of(TinyModels.unet(TinyModels.sd15())));
                drawn.add(draw(g));
            }
        }
        assertThat(drawn.get(0)).isEqualTo(base);
        assertThat(drawn.get(1)).isNotEqualTo(base);
        try (Generator g =
                Generator.open(
                        TinyModels.sd15(),
                        settings,
                        Collections.nCopies(2, new LoraUse(TinyModels.lora("peft"), 1)))) {
            assertThat(TinyModels.difference(draw(g), drawn.get(2)))
                    .as("two of 1 are one of 2")
                    .isLessThanOrEqualTo(1);
        }
    }

    @Test
    void aLoraOfAnotherModelIsRefused() {
        Path sdxl = TinyModels.lora("peft").resolveSibling("../tiny-sdxl/peft.safetensors");
        assertThatThrownBy(() ->
                        Generator.open(
                                TinyModels.sd15(), settings(1), List.of(new LoraUse(sdxl, 1))))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("peft.safetensors");
    }

    @Test
    void sdxlDrawsToo() {
        try (Generator g = Generator.open(TinyModels.sdxl(), settings(2, 4, 2))) {
            List<RgbImage> drawn =
                    g.pictures(List.of("a cat", "a boat"), List.of(1L, 1L), Progress.silent());
            assertThat(drawn.get(0)).as("prompts differ").isNotEqualTo(drawn.get(1));
        }
        assertThatThrownBy(() -> Generator.exchangeable(TinyModels.sdxl(), settings(1)))
                .isInstanceOf(SoupException.class);
    }

    @Test
    void notesSayWhatDoesNotReachThePictures() {
        String longPrompt = "cat ".repeat(80).strip();
        GenerateSettings negative =
                new GenerateSettings(
                        2,
                        3,
                        longPrompt,
                        Optional.of(Sampler.DDIM),
                        Optional.of(PictureSize.square(32)),
                        1);
        try (Generator g = Generator.open(TinyModels.sd15(), negative)) {
            List<String> notes = g.notes(List.of("a cat", longPrompt));
            assertThat(notes.get(0))
                    .isEqualTo(
                            "The pictures are 32x32 pixels, the model was trained on 64x64: expect repeated or broken subjects, or leave `size` out.");
            assertThat(notes).anyMatch(n -> n.startsWith("Prompt 2 has ")).hasSize(3);
            assertThat(notes.get(2)).startsWith("The negative prompt has ");
        }
        GenerateSettings unguided =
                new GenerateSettings(2, 1, longPrompt, Optional.empty(), Optional.empty(), 1);
        try (Generator g = Generator.open(TinyModels.sd15(), unguided)) {
            assertThat(g.notes(List.of("a cat")))
                    .containsExactly(
                            "The negative prompt is not read, since `guidanceScale` is not above 1.");
        }
    }

    @Test
    void damagedWeightsAreNamedInsteadOfDrawnWith() {
        Path broken =
                TinyModels.moved(
                        dir.resolve("broken"),
                        (name, w) -> w[0] = name.equals("conv_in.weight") ? Float.NaN : w[0]);
        try (Generator g = Generator.open(broken, settings(1))) {
            assertThatThrownBy(() -> draw(g))
                    .isInstanceOf(SoupException.class)
                    .hasMessageStartingWith("broken cannot draw: NaN or infinities appear")
                    .hasMessageContaining(
                            "its weights are damaged (unet/conv_in.weight: 1 NaN and 0 infinite of");
        }
    }

    @Test
    void weightsTooLargeAreNotCalledDamaged() {
        Path large =
                TinyModels.moved(
                        dir.resolve("large"),
                        (name, w) -> w[0] = name.equals("conv_out.bias") ? Float.MAX_VALUE : w[0]);
        try (Generator g = Generator.open(large, settings(3, 1, 1))) {
            assertThatThrownBy(() -> draw(g))
                    .isInstanceOf(SoupException.class)
                    .hasMessageEndingWith(
                            "as its weights are too large for its layers; leave it out or train it again.");
        }
        try (Generator g = Generator.open(large, settings(3, 7.5, 1))) {
            assertThatThrownBy(() -> draw(g))
                    .isInstanceOf(SoupException.class)
                    .hasMessageEndingWith(
                            "as `guidance` 7.5 is too much for it; choose a smaller one.");
        }
        try (Generator g = Generator.exchangeable(TinyModels.sd15(), settings(3, 1, 1));
                SafetensorsFile weights = SafetensorsFile.open(TinyModels.unet(large))) {
            g.exchange("unet", weights);
            assertThatThrownBy(() -> draw(g))
                    .isInstanceOf(SoupException.class)
                    .hasMessageEndingWith(
                            "as the weights put into it are too large; give them a smaller coefficient.");
        }
    }

    @Test
    void ofAPictureTheMaskedPartIsPaintedAndTheRestIsKept() throws Exception {
        Path image = dir.resolve("image.png");
        Path white = dir.resolve("white.png");
        Path black = dir.resolve("black.png");
        Files.write(image, PngCodec.encode(TinyModels.noise(64, 3)));
        Files.write(white, PngCodec.encode(TinyModels.plain(64, 255, 255, 255)));
        Files.write(black, PngCodec.encode(TinyModels.plain(64, 0, 0, 0)));
        Map<String, List<RgbImage>> drawn =
                Map.of(
                        "white", drawFrom(Source.read(image, Optional.of(white), 1)),
                        "black", drawFrom(Source.read(image, Optional.of(black), 1)),
                        "none", drawFrom(Source.read(image, Optional.empty(), 0.5)));
        // The same seed for both prompts: only what is painted depends on the prompt.
        assertThat(drawn.get("black").get(0)).isEqualTo(drawn.get("black").get(1));
        assertThat(drawn.get("white").get(0)).isNotEqualTo(drawn.get("white").get(1));
        assertThat(drawn.get("none").get(0)).isNotEqualTo(drawn.get("none").get(1));
    }

    private static List<RgbImage> drawFrom(Source source) {
        GenerateSettings settings = settings(4, 5, 2).withSource(source);
        try (Generator g = Generator.open(TinyModels.sd15(), settings)) {
            return g.pictures(
                    List.of("a red cat", "two boats"), List.of(1L, 1L), Progress.silent());
        }
    }

    @Test
    void theHashOfOneModelIsItsUnets() {
        Path other = TinyModels.moved(dir.resolve("other"), TinyModels.jittered(5));
        String base = WeightsHash.of(TinyModels.unet(TinyModels.sd15()));
        String moved = WeightsHash.of(TinyModels.unet(other));
        try (Generator g = Generator.open(other, settings(1))) {
            assertThat(g.unetHash()).isEqualTo(moved).isNotEqualTo(base);
        }
        try (Generator g = Generator.ensemble(List.of(TinyModels.sd15(), other), settings(1))) {
            assertThat(g.unetHash())
                    .isEqualTo(
                            Hashes.sha256Hex(
                                    (base + "\n" + moved).getBytes(StandardCharsets.UTF_8)));
        }
    }
}
