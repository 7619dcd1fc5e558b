package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup train --keep-every}: the models on the way to an ingredient. */
class TrainKeepTest {
    private static final int STEPS = 12;

    @TempDir private Path temp;
    private Path shard;
    private Path out;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    @BeforeEach
    void prepare() {
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 7, 16, "train");
        out = temp.resolve("ingredient");
    }

    private Run train(Path to, int steps, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", TinyTraining.BASE));
        words.addAll(List.of("--shard", shard, "--out", to, "--steps", steps, "--batch", 2));
        words.addAll(List.of("--ema", "0.9"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void aRunOfTheUsualLengthHasCheckpointsOnTheWay() {
        String help = Run.of("train", "--help").ok().out().replaceAll("\\s+", " ");
        assertThat(help).contains("Optimizer steps (default: 150;");
        assertThat(help)
                .contains("every four minutes too (default: " + FineTuneRequest.CHECKPOINT_EVERY);
        assertThat(2 * FineTuneRequest.CHECKPOINT_EVERY).isLessThan(150);
    }

    /** What a run is known by is one number: the mean of the last tenth of its losses. */
    @Test
    void theLossThatIsToldIsThatOfTheCurve() throws IOException {
        Run run = train(out, 25).ok();
        double[] losses =
                Files.readAllLines(out.resolve("loss.csv")).stream()
                        .skip(1)
                        .mapToDouble(l -> Double.parseDouble(l.split(",")[1]))
                        .toArray();
        assertThat(losses).hasSize(25);
        assertThat(run.out())
                .contains(
                        String.format(
                                java.util.Locale.ROOT,
                                "mean loss of the last 2 steps %.4f",
                                (losses[23] + losses[24]) / 2));
    }

    private Path kept(int step) {
        return temp.resolve("ingredient-step%06d".formatted(step));
    }

    private static Path unet(Path model) {
        return model.resolve("unet/diffusion_pytorch_model.safetensors");
    }

    @Test
    void aKeptModelIsTheOneThatARunOfItsLengthEndsWith() throws IOException {
        Run run = train(out, STEPS, "--keep-every", 4, "--json").ok();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.path("kept")).hasSize(2);
        assertThat(json.path("notes").toString()).doesNotContain("No model of step");
        assertThat(kept(12)).as("the last step's model is --out itself").doesNotExist();

        // The learning rate is constant after a warm-up of one step, so a shorter run is the
        // beginning of a longer one.
        Path shorter = temp.resolve("shorter");
        train(shorter, 4, "-q").ok();
        assertThat(WeightsHash.of(unet(kept(4)))).isEqualTo(WeightsHash.of(unet(shorter)));
        assertThat(kept(4).resolve("loss.csv"))
                .hasSameTextualContentAs(shorter.resolve("loss.csv"));
        assertThat(WeightsHash.of(unet(kept(8)))).isNotEqualTo(WeightsHash.of(unet(out)));

        JsonObject recipe = TrainingRecipe.ofWeights(kept(8));
        assertThat(recipe.get("kept_step")).hasToString("Optional[JsonNumber[value=8]]");
        assertThat(recipe.get("steps")).hasToString("Optional[JsonNumber[value=12]]");
        assertThat(TrainingRecipe.ofWeights(out).get("kept_step")).isEmpty();

        // Keeping leaves no trace in the ingredient.
        Path plain = temp.resolve("plain");
        train(plain, STEPS, "-q").ok();
        assertThat(TinyTraining.contents(out)).isEqualTo(TinyTraining.contents(plain));
    }

    @Test
    void aKeptModelIsAModelLikeAnyOther() {
        train(out, 4, "--keep-every", 2, "-q").ok();
        Run.of("generate", "--model", kept(2), "--prompt", "a", "--steps", 1, "-o", png()).ok();
        Run.of("score", "--vae", "--model", kept(2), "--shard", shard, "--split", "ALL").ok();
        Run.of("make", kept(2), out, "-o", temp.resolve("soup")).ok();
        Run.of("verify", kept(2)).ok();
        Run inspected = Run.of("inspect", kept(2), "--full").ok();
        assertThat(inspected.out()).contains("kept_step");
    }

    private Path png() {
        return temp.resolve("drawn.png");
    }

    @Test
    void itsRecipeMakesItAgain() throws IOException {
        train(out, STEPS, "--keep-every", 5, "-q").ok();
        Path again = temp.resolve("again");
        FineTuneRequest request =
                FineTuneRecipe.request(
                        TrainingRecipe.ofWeights(kept(5)),
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        again);
        assertThat(new FineTuner(request, Progress.silent(), () -> false).run()).isPresent();
        assertThat(TinyTraining.contents(again)).isEqualTo(TinyTraining.contents(kept(5)));
        assertThat(temp.resolve("again.training")).doesNotExist();
    }

    @Test
    void anInterruptedRunLacksNoModelAndMakesTheSameBytes() throws IOException {
        train(out, STEPS, "--keep-every", 3, "-q").ok();
        Path other = temp.resolve("other");
        interrupted(out, other, 3, 7);
        assertThat(other).doesNotExist();
        assertThat(temp.resolve("other-step000006")).exists();
        assertThat(temp.resolve("other-step000009")).doesNotExist();
        train(other, STEPS, "--keep-every", 3, "-q").ok();
        for (int step : new int[] {3, 6, 9}) {
            Path resumed = temp.resolve("other-step%06d".formatted(step));
            assertThat(TinyTraining.contents(resumed)).isEqualTo(TinyTraining.contents(kept(step)));
        }
        assertThat(TinyTraining.contents(other)).isEqualTo(TinyTraining.contents(out));
    }

    @Test
    void aRunThatBeganWithoutKeepingSaysWhatItLacks() throws IOException {
        Path plain = temp.resolve("plain");
        train(plain, STEPS, "-q").ok();
        interrupted(plain, out, 0, 7);
        Run run = train(out, STEPS, "--keep-every", 3).ok();
        assertThat(run.err()).contains("No model of step 3, 6 is kept");
        assertThat(run.out()).contains("kept ingredient-step000009");
        assertThat(kept(3)).doesNotExist();
    }

    /** Encoding can take minutes; what is known before it is told before it. */
    @Test
    void anotherRunsCheckpointIsRefusedBeforeAnyPictureIsEncoded() throws IOException {
        Path plain = temp.resolve("plain");
        train(plain, STEPS, "-q").ok();
        interrupted(plain, out, 0, 7);
        Run run = train(out, STEPS + 20, "-q");
        run.fails(
                SoupCli.FAILED,
                "is a checkpoint of a different run (steps is " + STEPS + " there and",
                "give another --out");
        assertThat(run.err()).doesNotContain("encode", "warmup");
        train(out, STEPS + 20, "--dry-run")
                .fails(SoupCli.FAILED, "is a checkpoint of a different run (steps is ", "--out");
        train(out, STEPS, "--dry-run").ok(); // which the run goes on from
        Path other = temp.resolve("other.tar");
        TinyTraining.shard(other, 5, 16, "train");
        Run.of("train", "--base", TinyTraining.BASE, "--shard", other, "--out", out, "-q")
                .fails(SoupCli.FAILED, "shards is ", "…) there and other (", "…) here");
    }

    /** Begins the run that ended in an ingredient anew, and stops it after some steps. */
    private void interrupted(Path ingredient, Path to, long keepEvery, int steps) {
        FineTuneRequest request =
                FineTuneRecipe.request(
                                TrainingRecipe.ofWeights(ingredient),
                                TinyTraining.BASE,
                                List.of(shard.toString()),
                                to)
                        .keeping(keepEvery);
        TinyTraining.stopAfter(request, steps);
    }

    @Test
    void whatIsNotOursIsNotReplaced() throws IOException {
        train(out, 6, "--keep-every", 2, "-q").ok();
        Map<String, String> first = TinyTraining.contents(kept(2));
        Files.move(out, temp.resolve("moved"));

        // The same run again: what it kept is its own.
        train(out, 6, "--keep-every", 2, "-q").ok();
        assertThat(TinyTraining.contents(kept(2))).isEqualTo(first);

        // Another run: refused before a step is made, allowed as --out itself is.
        Path aside = temp.resolve("moved-too");
        Files.move(out, aside);
        train(out, 6, "--keep-every", 2, "--seed", 5, "--dry-run")
                .fails(SoupCli.FAILED, "ingredient-step000002 was kept by a different run (");
        train(out, 6, "--keep-every", 2, "--seed", 5, "-q")
                .fails(
                        SoupCli.FAILED,
                        "ingredient-step000002 was kept by a different run (",
                        "seed is ",
                        " there and 5 here",
                        "--force");
        assertThat(temp.resolve("ingredient.training")).doesNotExist();
        assertThat(TinyTraining.contents(kept(2))).isEqualTo(first);
        train(out, 6, "--keep-every", 2, "--seed", 5, "--force", "-q").ok();
        assertThat(TinyTraining.contents(kept(2))).isNotEqualTo(first);

        // Somebody's notes: never.
        Files.writeString(kept(4).resolve("notes"), "mine");
        train(out, 6, "--keep-every", 2, "--seed", 5, "--force", "-q")
                .fails(SoupCli.FAILED, "ingredient-step000004", "'notes'", "not even with --force");
        Path folder = Files.createDirectories(temp.resolve("b-step000003"));
        Files.writeString(folder.resolve("letter"), "mine");
        train(temp.resolve("b"), 6, "--keep-every", 3, "--force", "-q")
                .fails(SoupCli.FAILED, "b-step000003", "not a model folder");
        assertThat(folder.resolve("letter")).hasContent("mine");
        assertThat(temp.resolve("b")).doesNotExist();
    }
}
