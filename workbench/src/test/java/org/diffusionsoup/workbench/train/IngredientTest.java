package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.lora.Lora;
import org.diffusionsoup.core.lora.LoraFusion;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TinyModels;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files that trainings of a few steps leave, and what their headers say. */
class IngredientTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path dir;
    private Path tar;

    @BeforeEach
    void writeShard() {
        tar = TinyModels.shard(dir.resolve("s.tar"), 3, 1);
    }

    private FineTuneRequest request(String out, long steps) {
        return request(out, steps, false);
    }

    private FineTuneRequest request(String out, long steps, boolean replace) {
        return new FineTuneRequest(
                TinyModels.sd15(),
                List.of(tar.toString()),
                dir.resolve(out),
                FineTuneRequest.embeddedDefaults(steps, 5).withBatch(2).withLearningRate(1e-3),
                0.1,
                0,
                replace);
    }

    private static FineTuner.Result run(FineTuneRequest request) {
        return new FineTuner(request, Progress.silent(), () -> false).run().orElseThrow();
    }

    private static JsonObject recipe(Path weights) {
        try (SafetensorsFile f = SafetensorsFile.open(weights)) {
            return Provenance.readFrom(f.metadata()).orElseThrow().recipe().parse(weights).fields();
        }
    }

    @Test
    void anIngredientIsTheBaseWithAnotherUNetAndItsLossCurve() {
        FineTuner.Result result = run(request("x", 3));
        Map<String, String> base = TinyModels.contents(TinyModels.sd15());
        Map<String, String> made = TinyModels.contents(dir.resolve("x"));
        TreeSet<String> names = new TreeSet<>(base.keySet());
        names.addAll(List.of("loss.csv", ".soup-files"));
        assertThat(made.keySet()).isEqualTo(names);
        base.forEach((name, hash) -> {
            if (name.equals(UNET)) {
                assertThat(made.get(name)).isNotEqualTo(hash);
            } else {
                assertThat(made).containsEntry(name, hash);
            }
        });
        assertThat(result.weightsSha256())
                .isEqualTo(WeightsHash.of(dir.resolve("x").resolve(UNET)));
        assertThat(result.rows()).isEqualTo(3);
        assertThat(result.steps()).isEqualTo(3);
        assertThat(dir.toFile().list()).containsExactlyInAnyOrder("s.tar", "x");
    }

    @Test
    void theHeaderAsksForTheSameRunAndItGivesTheSameBytes() throws IOException {
        FineTuneRequest first = request("x", 3).minimising(new DenoisingLoss(5, 0.05));
        run(first);
        JsonObject recipe = recipe(dir.resolve("x").resolve(UNET));
        FineTuneRequest again =
                FineTuneRecipe.request(
                        recipe, TinyModels.sd15(), List.of(tar.toString()), dir.resolve("y"));
        assertThat(again.options()).isEqualTo(first.options());
        assertThat(again.loss()).isEqualTo(first.loss());
        assertThat(again.captionDropout()).isEqualTo(0.1);
        run(again);
        assertThat(TinyModels.contents(dir.resolve("y")))
                .isEqualTo(TinyModels.contents(dir.resolve("x")));
    }

    @Test
    void modelsOnTheWayAreThoseOfShorterRunsOfTheSameSchedule() {
        FineTuner.Result whole = run(request("x", 6).keeping(2));
        assertThat(whole.kept())
                .containsExactly(dir.resolve("x-step000002"), dir.resolve("x-step000004"));
        run(request("short", 6).stoppedAfter(4));
        assertThat(TinyModels.contents(dir.resolve("short")))
                .isEqualTo(TinyModels.contents(dir.resolve("x-step000004")));
        JsonObject kept = recipe(dir.resolve("x-step000004").resolve(UNET));
        assertThat(FineTuneRecipe.request(kept, TinyModels.sd15(), List.of("s"), dir).stopAfter())
                .isEqualTo(4);
        assertThat(
                        FineTuneRecipe.request(
                                        recipe(dir.resolve("x").resolve(UNET)),
                                        TinyModels.sd15(),
                                        List.of("s"),
                                        dir)
                                .stopAfter())
                .isEqualTo(6);
    }

    @Test
    void keptModelsOfAnotherRunAreLeftAloneUnlessReplacingIsMeant() throws IOException {
        run(request("x", 4).keeping(2));
        Map<String, String> files = TinyModels.contents(dir.resolve("x-step000002"));
        FineTuneRequest other = request("x", 6, false).keeping(2);
        assertThatThrownBy(() -> run(other)).isInstanceOf(SoupException.class);
        FineTuneRequest elsewhere =
                new FineTuneRequest(
                                TinyModels.sd15(),
                                List.of(tar.toString()),
                                dir.resolve("x"),
                                FineTuneRequest.embeddedDefaults(4, 6).withBatch(2),
                                0.1,
                                0,
                                false)
                        .keeping(2);
        Files.move(dir.resolve("x"), dir.resolve("away"));
        assertThatThrownBy(() -> run(elsewhere))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("x-step000002 was kept by a different run (")
                .hasMessageContaining("add `force` to replace it");
        assertThat(TinyModels.contents(dir.resolve("x-step000002"))).isEqualTo(files);
        run(request("x", 6, true).keeping(2));
        assertThat(TinyModels.contents(dir.resolve("x-step000002"))).isNotEqualTo(files);
    }

    /** The factors alone, put into the base, are the model that the same run writes as a folder. */
    @Test
    void factorsAndTheFusedModelAreTheSameTraining() throws IOException {
        Optional<LowRankOptions> lora = Optional.of(new LowRankOptions(2));
        run(request("mine.safetensors", 3).training(lora));
        run(request("folder", 3).training(lora));
        assertThat(dir.resolve("mine.loss.csv")).isRegularFile();
        assertThat(Files.readString(dir.resolve("mine.loss.csv")))
                .isEqualTo(Files.readString(dir.resolve("folder/loss.csv")));
        Map<String, float[]> fused = TinyModels.values(TinyModels.unet(dir.resolve("folder")));
        Map<String, float[]> base = TinyModels.values(TinyModels.unet(TinyModels.sd15()));
        int moved = 0;
        try (SafetensorsFile unet = SafetensorsFile.open(TinyModels.unet(TinyModels.sd15()));
                Lora factors = Lora.open(dir.resolve("mine.safetensors"), Map.of("unet", unet))) {
            Path expected = dir.resolve("expected.safetensors");
            org.diffusionsoup.core.lora.LoraFuser.writeComponent(
                    LoraFusion.component("unet", unet, List.of(new LoraFusion.Term(factors, 1))),
                    expected,
                    Map.of("format", "pt"));
            for (Map.Entry<String, float[]> t : TinyModels.values(expected).entrySet()) {
                assertThat(fused.get(t.getKey())).containsExactly(t.getValue(), within(0f));
                moved += java.util.Arrays.equals(t.getValue(), base.get(t.getKey())) ? 0 : 1;
            }
        }
        assertThat(moved).isPositive().isLessThan(base.size());
    }

    @Test
    void anOutputThatIsThereIsRefusedBeforeAnythingIsTrained() throws IOException {
        Path mine = Files.createDirectory(dir.resolve("mine"));
        Files.writeString(mine.resolve("notes.txt"), "x");
        for (boolean replace : new boolean[] {false, true}) {
            assertThatThrownBy(() -> run(request("mine", 2, replace)))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining(mine.toString());
        }
        assertThat(mine.toFile().list()).containsExactly("notes.txt");
    }

    @Test
    void aRecipeOfAnotherKindIsNoTraining() {
        JsonObject soup =
                org.diffusionsoup.registry.ledger.Json.object()
                        .put("method", "weighted average")
                        .build();
        assertThatThrownBy(() -> FineTuneRecipe.request(soup, dir, List.of("s"), dir.resolve("y")))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("The ingredient's recipe is not one of 'soup train'");
    }

    @Test
    void aBaseWithDamagedWeightsIsRefused() {
        Path broken = TinyModels.moved(dir.resolve("broken"), (name, w) -> w[0] = Float.NaN);
        FineTuneRequest request =
                new FineTuneRequest(
                        broken,
                        List.of(tar.toString()),
                        dir.resolve("x"),
                        FineTuneRequest.embeddedDefaults(2, 5),
                        0.1,
                        0,
                        false);
        assertThatThrownBy(() -> run(request))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("NaN");
        assertThat(dir.resolve("x")).doesNotExist();
    }
}
