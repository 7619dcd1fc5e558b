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
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.image.png.PictureMetadata;
import org.diffusionsoup.image.png.PngFiles;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.generate.GenerateRequest.Ensemble;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests, and the files that a run leaves. */
class GenerateRunTest {
    private static final GenerateSettings SETTINGS =
            new GenerateSettings(2, 3, "", Optional.of(Sampler.DDIM), Optional.empty(), 4);

    @TempDir private static Path models;
    @TempDir private Path dir;

    private static Path one;
    private static Path two;

    @BeforeAll
    static void makeModels() {
        one = TinyModels.moved(models.resolve("one"), TinyModels.jittered(1));
        two = TinyModels.moved(models.resolve("two"), TinyModels.jittered(2));
    }

    private GenerateRequest request(List<Path> of, Ensemble ensemble, List<LoraUse> loras) {
        return new GenerateRequest(
                of,
                ensemble,
                List.of("A red cat!", "two boats"),
                List.of(3L, 8L),
                SETTINGS,
                loras,
                Optional.of(dir.resolve("sheet.png")),
                Optional.of(dir.resolve("each")));
    }

    private static GenerateRun.Result run(GenerateRequest request) {
        return new GenerateRun(request, Progress.silent()).run();
    }

    private static RgbImage read(Path png) throws IOException {
        return PngCodec.decode(Files.readAllBytes(png), png.toString());
    }

    @Test
    void everyPictureIsAFileThatSaysHowItIsMadeAgain() throws IOException {
        GenerateRun.Result result = run(request(List.of(one, two), Ensemble.NONE, List.of()));
        assertThat(result.pictures()).isEqualTo(8);
        assertThat(result.models()).extracting(Drawn::name).containsExactly("one", "two");
        assertThat(dir.resolve("each").toFile().list())
                .containsExactlyInAnyOrder(
                        "m1-p001-a-red-cat-seed3.png",
                        "m1-p001-a-red-cat-seed8.png",
                        "m1-p002-two-boats-seed3.png",
                        "m1-p002-two-boats-seed8.png",
                        "m2-p001-a-red-cat-seed3.png",
                        "m2-p001-a-red-cat-seed8.png",
                        "m2-p002-two-boats-seed3.png",
                        "m2-p002-two-boats-seed8.png");
        Path file = dir.resolve("each/m2-p002-two-boats-seed8.png");
        RgbImage drawn = result.models().get(1).pictures().get(1).get(1);
        assertThat(read(file)).isEqualTo(drawn);
        Map<String, String> text = PngFiles.readText(file);
        assertThat(text).containsEntry("model", "two").containsKey(GenerateRun.VERSION_KEY);
        PictureMetadata settings = PictureMetadata.fromText(text).orElseThrow();
        assertThat(settings.modelHash()).isEqualTo(WeightsHash.of(TinyModels.unet(two)));
        GenerateSettings again =
                new GenerateSettings(
                        settings.steps(),
                        settings.guidanceScale(),
                        settings.negativePrompt(),
                        Optional.of(Sampler.parse(settings.scheduler())),
                        Optional.empty(),
                        1);
        try (Generator g = Generator.open(two, again)) {
            RgbImage repeated =
                    g.pictures(
                                    List.of(settings.prompt()),
                                    List.of(settings.seed()),
                                    Progress.silent())
                            .getFirst();
            assertThat(TinyModels.difference(repeated, drawn)).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void aSheetListsWhatIsOnIt() {
        run(request(List.of(one, two), Ensemble.NONE, List.of()));
        assertThat(PngFiles.readText(dir.resolve("sheet.png")))
                .containsEntry("prompts", "A red cat!\ntwo boats")
                .containsEntry("seeds", "3\n8")
                .containsEntry("models", "one\ntwo")
                .containsEntry(
                        "models_sha256",
                        WeightsHash.of(TinyModels.unet(one))
                                + "\n"
                                + WeightsHash.of(TinyModels.unet(two)))
                .containsEntry("schedulers", "DDIMScheduler\nDDIMScheduler")
                .containsEntry("steps", "2")
                .containsEntry("guidance_scale", "3.0")
                .doesNotContainKeys("negative_prompt", "ensemble", "loras");
    }

    @Test
    void anEnsembleIsOneModelThatNamesItsMembers() {
        GenerateRun.Result result = run(request(List.of(one, two), Ensemble.UNIFORM, List.of()));
        assertThat(result.models())
                .singleElement()
                .extracting(Drawn::name)
                .isEqualTo("ensemble of 2");
        assertThat(result.pictures()).isEqualTo(4);
        assertThat(PngFiles.readText(dir.resolve("sheet.png")).get("ensemble"))
                .matches("1/2 [0-9a-f]{64} one\n1/2 [0-9a-f]{64} two");
        assertThat(PngFiles.readText(dir.resolve("each/m1-p001-a-red-cat-seed3.png")))
                .containsKey("ensemble");
    }

    @Test
    void lorasAreNamedWithStrengthAndHash() {
        LoraUse lora = new LoraUse(TinyModels.lora("peft"), 0.5);
        run(request(List.of(one), Ensemble.NONE, List.of(lora)));
        for (String file : List.of("sheet.png", "each/p001-a-red-cat-seed3.png")) {
            assertThat(PngFiles.readText(dir.resolve(file)).get(GenerateRun.LORAS_KEY))
                    .matches("0\\.5 [0-9a-f]{64} peft\\.safetensors")
                    .isEqualTo(lora.text());
        }
        assertThat(
                        PngFiles.readText(dir.resolve("each/p001-a-red-cat-seed3.png"))
                                .get("parameters"))
                .endsWith(", LoRAs: peft.safetensors:0.5");
    }

    @Test
    void notesOfOneModelEndInItsName() throws IOException {
        Path small = TinyModels.copy(one, dir.resolve("small"));
        Path config = small.resolve("unet/config.json");
        Files.writeString(
                config,
                Files.readString(config).replace("\"sample_size\": 16", "\"sample_size\": 8"));
        GenerateSettings settings =
                new GenerateSettings(
                        1,
                        1,
                        "",
                        Optional.of(Sampler.DDIM),
                        Optional.of(PictureSize.square(32)),
                        4);
        GenerateRequest request =
                new GenerateRequest(
                        List.of(one, small),
                        Ensemble.NONE,
                        List.of("qzxqzx"),
                        List.of(1L),
                        settings,
                        List.of(),
                        Optional.of(dir.resolve("s.png")),
                        Optional.empty());
        List<String> notes = run(request).notes();
        assertThat(notes.get(0))
                .startsWith("The pictures are 32x32 pixels, the model was trained on 64x64")
                .endsWith(" (one)");
        assertThat(notes.stream().skip(1)).allSatisfy(n -> assertThat(n).endsWith("."));
    }

    @Test
    void whatCannotBeDrawnLeavesNothing() {
        Path broken =
                TinyModels.moved(
                        dir.resolve("broken"),
                        (name, w) -> w[0] = name.equals("conv_in.weight") ? Float.NaN : w[0]);
        GenerateRequest request = request(List.of(one, broken), Ensemble.NONE, List.of());
        assertThatThrownBy(() -> run(request)).isInstanceOf(SoupException.class);
        assertThat(dir.toFile().list()).containsExactly("broken");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "A red cat! | a-red-cat",
                "  --  | prompt",
                "'' | prompt",
                "żółw 3 | w-3",
                "UPPER/lower\\..| upper-lower",
            })
    void promptsBecomePartsOfFileNames(String prompt, String slug) {
        assertThat(GenerateRun.slug(prompt)).isEqualTo(slug);
        assertThat(GenerateRun.slug("ab ".repeat(100))).hasSize(60);
    }

    private GenerateRequest asked(
            List<Path> of,
            Ensemble ensemble,
            List<String> prompts,
            List<Long> seeds,
            Optional<Path> sheet,
            Optional<Path> folder) {
        return new GenerateRequest(
                of, ensemble, prompts, seeds, SETTINGS, List.of(), sheet, folder);
    }

    private void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String why) {
        assertThatThrownBy(call).isInstanceOf(SoupException.class).hasMessage(why);
    }

    @Test
    void requestsThatLackSomethingAreRefused() throws IOException {
        List<Path> m = List.of(one);
        List<String> p = List.of("a");
        List<Long> s = List.of(1L);
        Optional<Path> out = Optional.of(dir.resolve("out.png"));
        Optional<Path> none = Optional.empty();
        refused(
                () -> asked(List.of(), Ensemble.NONE, p, s, out, none),
                "Drawing needs a model; give one with `model`.");
        refused(
                () -> asked(m, Ensemble.NONE, List.of(), s, out, none),
                "Drawing needs a prompt; give one with `prompt` or some with `prompts`.");
        refused(
                () -> asked(m, Ensemble.NONE, p, List.of(), out, none),
                "Drawing needs a seed; give one with `seed`.");
        refused(
                () -> asked(m, Ensemble.NONE, p, s, none, none),
                "The pictures have nowhere to go; give `out` FILE, `each` FOLDER or both.");
        refused(
                () -> asked(m, Ensemble.NONE, p, s, Optional.of(dir), none),
                "`out` %s is a folder; name a .png file, or use `each` for single pictures."
                        .formatted(dir));
        refused(
                () ->
                        asked(
                                m,
                                new Ensemble(
                                        true, List.of(1.0, 2.0), Optional.empty(), false, false),
                                p,
                                s,
                                out,
                                none),
                "`weights` has 2 numbers for 1 model; give one for each, in their order.");
        Path used = Files.createDirectory(dir.resolve("used"));
        assertThat(asked(m, Ensemble.NONE, p, s, none, Optional.of(used)).folder()).contains(used);
        Files.writeString(used.resolve("mine.txt"), "x");
        refused(
                () -> asked(m, Ensemble.NONE, p, s, none, Optional.of(used)),
                "`each` %s exists and is not an empty folder; choose a new one.".formatted(used));
    }

    @Test
    void loraAndEnsembleDoNotGoTogetherAndOthersFilesAreLeftAlone() throws IOException {
        LoraUse lora = new LoraUse(TinyModels.lora("peft"), 1);
        assertThatThrownBy(() -> request(List.of(one, two), Ensemble.UNIFORM, List.of(lora)))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("`lora` is for single models");
        Path photo = dir.resolve("sheet.png");
        Files.write(photo, PngCodec.encode(TinyModels.noise(8, 1)));
        assertThatThrownBy(() -> request(List.of(one), Ensemble.NONE, List.of()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(photo.toString());
    }
}
