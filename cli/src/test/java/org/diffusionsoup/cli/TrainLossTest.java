package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup train --min-snr}, {@code --offset-noise} and {@code --checkpointing}. */
class TrainLossTest {
    @TempDir private Path temp;
    private Path shard;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    @BeforeEach
    void prepare() {
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 5, 16, "train");
    }

    private Run train(Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", TinyTraining.BASE));
        words.addAll(List.of("--shard", shard, "--out", out, "--steps", 3, "--batch", 2, "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private static String recipe(Path model) {
        Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
        try (SafetensorsFile f = SafetensorsFile.open(unet)) {
            return Provenance.readFrom(f.metadata()).map(Provenance::recipe).orElseThrow().text();
        }
    }

    @Test
    void bothAreInTheRecipeWhichMakesTheSameModelAgain() throws IOException {
        Path out = temp.resolve("mine");
        train(out, "--min-snr", 5, "--offset-noise", "0.1").ok();
        assertThat(recipe(out)).contains("\"min_snr_gamma\":5.0", "\"offset_noise\":0.1");
        Path again = temp.resolve("again");
        FineTuneRequest request =
                FineTuneRecipe.request(
                        TrainingRecipe.ofWeights(out),
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        again);
        assertThat(request.loss()).isEqualTo(new DenoisingLoss(5, 0.1));
        Optional<FineTuner.Result> made =
                new FineTuner(request, Progress.silent(), () -> false).run();
        assertThat(made).isPresent();
        assertThat(TinyTraining.contents(again)).isEqualTo(TinyTraining.contents(out));
    }

    /** Recipes of earlier versions keep their bytes, and each of the two changes what is learnt. */
    @Test
    void withoutThemTheRecipeIsSilent() throws IOException {
        Path plain = temp.resolve("plain");
        train(plain).ok();
        assertThat(recipe(plain)).doesNotContain("snr", "offset");
        train(temp.resolve("weighed"), "--min-snr", 5).ok();
        train(temp.resolve("offset"), "--offset-noise", "0.1").ok();
        String weights = "unet/diffusion_pytorch_model.safetensors";
        assertThat(List.of("plain", "weighed", "offset"))
                .extracting(m -> TinyTraining.contents(temp.resolve(m)).get(weights))
                .doesNotHaveDuplicates();
    }

    /** It is no part of the recipe, so a run may go on with it or without it. */
    @Test
    void checkpointingChangesNoByte() throws IOException {
        train(temp.resolve("held"), "--accumulate", 2, "--ema", "0.9").ok();
        train(temp.resolve("again"), "--accumulate", 2, "--ema", "0.9", "--checkpointing").ok();
        assertThat(TinyTraining.contents(temp.resolve("again")))
                .isEqualTo(TinyTraining.contents(temp.resolve("held")));
    }

    /** An ingredient of SDXL draws, as does a LoRA in the base. */
    @Test
    void anIngredientOfSdxlDraws() {
        Path base = TinyTraining.BASE.resolveSibling("tiny-sdxl");
        Path pictures = TinyTraining.shard(temp.resolve("large.tar"), 3, 32, "train");
        Path out = temp.resolve("xl");
        Object[] words = {"train", "--base", base, "--shard", pictures, "--steps", 2, "--batch", 2};
        Run.of(with(words, "--out", out)).ok();
        assertThat(recipe(out)).contains("base_text_encoder_2_sha256");
        Path png = temp.resolve("a.png");
        Run.of("generate", "--model", out, "--prompt", "a", "--steps", 2, "-q", "-o", png).ok();
        assertThat(png).isNotEmptyFile();
        Path lora = temp.resolve("xl.safetensors");
        Run.of(with(words, "--lora", 2, "--out", lora)).ok();
        Object[] drawn = {"generate", "--model", base, "--lora", lora, "--prompt", "a"};
        Run.of(with(drawn, "--steps", 2, "-q", "-o", temp.resolve("b.png"))).ok();
    }

    private static Object[] with(Object[] words, Object... more) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(List.of(more));
        return all.toArray();
    }

    @Test
    void aDryRunSaysWhatMemoryItTakesAndWritesNothing() {
        Path out = temp.resolve("none");
        assertThat(train(out, "--dry-run").ok().out())
                .contains("5 pictures, 3 steps", "Memory: about", "AdamW's moments", "gradients");
        assertThat(train(out, "--dry-run", "--json").ok().out())
                .contains("\"rows\" : 5", "\"memory\"", "\"moments\"");
        Object[] large = {"train", "--base", TinyTraining.BASE, "--shard", shard, "--out", out};
        Run.of(with(large, "--dry-run", "--batch", 100_000_000))
                .fails(1, "100,000,000 pictures at once", "--accumulate");
        assertThat(out).doesNotExist();
        assertThat(temp).isDirectoryNotContaining(f -> f.toString().contains("none"));
    }

    @Test
    void nonsenseIsRefusedByTheNameOfTheFlag() {
        train(temp.resolve("a"), "--offset-noise", 3).fails(2, "--offset-noise must be in [0, 1]");
        for (Object no : new Object[] {-1, "1e-60", "1e7"}) {
            train(temp.resolve("a"), "--min-snr", no).fails(2, "--min-snr must be from 0.001");
        }
    }
}
