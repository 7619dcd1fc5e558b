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
            return Provenance.readFrom(f.metadata()).map(Provenance::recipe).orElseThrow();
        }
    }

    @Test
    void bothAreInTheRecipeWhichMakesTheSameModelAgain() throws IOException {
        Path out = temp.resolve("mine");
        train(out, "--min-snr", 5, "--offset-noise", "0.1").ok();
        assertThat(recipe(out)).contains("\"min_snr_gamma\":5.0", "\"offset_noise\":0.1");
        Path again = temp.resolve("again");
        FineTuneRequest request =
                TrainingRecipe.request(
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

    @Test
    void nonsenseIsRefusedByTheNameOfTheFlag() {
        train(temp.resolve("a"), "--offset-noise", 3).fails(1, "--offset-noise must be in [0, 1]");
        train(temp.resolve("a"), "--min-snr", -1).fails(1, "--min-snr must be a positive number");
    }
}
