package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.diffusionsoup.workbench.train.BucketRule;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup train --buckets}: pictures of several shapes. */
class TrainBucketsTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    /** Of 32×32 pixels: three about square, five wide, two upright, in buckets of 3, 5, 1 and 1. */
    private static final int[][] SIZES = {
        {40, 40}, {64, 16}, {70, 20}, {32, 32}, {64, 16}, {16, 64}, {36, 50}, {90, 24}, {20, 64},
        {200, 17}
    };

    @TempDir private Path temp;
    private Path shard;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    @BeforeEach
    void prepare() {
        shard = TinyTraining.shard(temp.resolve("shapes.tar"), SIZES, "train");
    }

    private Run train(Path out, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", TinyTraining.BASE));
        words.addAll(List.of("--shard", shard, "--out", out, "--steps", 12));
        words.addAll(List.of("--batch", 3, "--accumulate", 2, "--ema", "0.9"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private static JsonNode json(Run run) throws IOException {
        return new ObjectMapper().readTree(run.ok().out());
    }

    @Test
    void aDryRunSaysWhereEveryPictureGoes() throws IOException {
        Path out = temp.resolve("none");
        String told = train(out, "--buckets", 32, "--dry-run").ok().out();
        assertThat(told)
                .contains(
                        "10 pictures, 12 steps",
                        "Buckets of at most 32×32 pixels, and their pictures: 16×48: 1, 16×64: 1,"
                                + " 32×32: 3, 64×16: 5.",
                        "More than a third is cut off of 1 picture: row009 of shapes (66 %).")
                .doesNotContain("enlarged");
        JsonNode all = json(train(out, "--buckets", 32, "--dry-run", "--json"));
        assertThat(all.path("buckets")).hasSize(4);
        assertThat(all.path("buckets").path(3).path("pictures").asInt()).isEqualTo(5);
        assertThat(all.path("buckets").path(3).path("width").asInt()).isEqualTo(64);
        assertThat(all.path("cut").path(0).path("row").asText()).isEqualTo("row009");
        assertThat(all.path("cut").path(0).path("cut").asDouble()).isBetween(0.65, 0.67);
        assertThat(out).doesNotExist();

        // The base's own size, 64 pixels, for which eight of the pictures are too small.
        assertThat(train(out, "--dry-run", "--buckets").ok().out())
                .contains(
                        "Buckets of at most 64×64 pixels", "pictures are smaller than any bucket");
    }

    /** Activations are those of the largest bucket, whatever picture comes first. */
    @Test
    void theMemoryIsThatOfTheLargestBucket() throws IOException {
        Path small = TinyTraining.shard(temp.resolve("a.tar"), new int[][] {{16, 48}}, "train");
        int[][] sizes = {{16, 48}, {32, 32}, {64, 16}};
        Path large = TinyTraining.shard(temp.resolve("b.tar"), sizes, "train");
        double[] held = new double[2];
        for (Path tar : List.of(small, large)) {
            JsonNode plan =
                    json(
                            Run.of(
                                    "train",
                                    "--base",
                                    TinyTraining.BASE,
                                    "--shard",
                                    tar,
                                    "--out",
                                    temp.resolve("none"),
                                    "--buckets",
                                    32,
                                    "--dry-run",
                                    "--json"));
            held[tar.equals(small) ? 0 : 1] = plan.path("memory").path("held").asDouble();
        }
        assertThat(held[1] / held[0]).isBetween(1.33, 1.34); // 1024 pixels and 768
    }

    @Test
    void theIngredientIsAModelAndItsRecipeMakesItAgain() throws IOException {
        Path out = temp.resolve("mine");
        JsonNode result = json(train(out, "--buckets", 32, "--json"));
        assertThat(result.path("buckets")).hasSize(4);
        assertThat(result.path("cut")).hasSize(1);
        assertThat(result.path("notes").toString()).contains("the base was trained on 64×64");
        JsonObject recipe = TrainingRecipe.ofWeights(out);
        assertThat(recipe.fields().toString())
                .contains("bucket_resolution", "bucket_step", "bucket_least", "bucket_most");
        Path png = temp.resolve("drawn.png");
        Run.of("generate", "--model", out, "--prompt", "a", "--steps", 1, "-q", "-o", png).ok();

        FineTuneRequest request =
                FineTuneRecipe.request(
                        recipe,
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        temp.resolve("again"));
        assertThat(request.buckets()).isEqualTo(Optional.of(new BucketRule(32, 16, 16, 64)));
        assertThat(new FineTuner(request, Progress.silent(), () -> false).run()).isPresent();
        assertThat(TinyTraining.contents(temp.resolve("again")))
                .isEqualTo(TinyTraining.contents(out));
        Run told = train(temp.resolve("held"), "--buckets", 32, "--checkpointing").ok();
        assertThat(told.err()).contains("Buckets of at most 32×32", "cut off of 1 picture: row009");
        assertThat(TinyTraining.contents(temp.resolve("held")))
                .isEqualTo(TinyTraining.contents(out));
    }

    /** Stopped after every second step, each time by a process that knows only the files. */
    @Test
    void aRunThatIsStoppedAgainAndAgainMakesTheSameBytes() throws IOException {
        for (String kind : List.of("full", "lora")) {
            List<Object> more = new ArrayList<>(List.of("--buckets", 32, "-q"));
            if (kind.equals("lora")) {
                more.addAll(List.of("--lora", 2));
            }
            Path out = temp.resolve(kind);
            Path stopped = temp.resolve(kind + "-stopped");
            train(out, more.toArray()).ok();
            for (int steps = 2; steps < 12; steps += 2) {
                FineTuneRequest request =
                        FineTuneRecipe.request(
                                TrainingRecipe.ofWeights(out),
                                TinyTraining.BASE,
                                List.of(shard.toString()),
                                stopped);
                TinyTraining.stopAfter(request, 2);
            }
            assertThat(stopped).doesNotExist();
            if (kind.equals("full")) {
                train(stopped, "-q", "--buckets", 48)
                        .fails(1, "bucket_resolution is 32 there and 48 here", "--out");
                train(stopped, "-q", "--buckets")
                        .fails(1, "bucket_resolution is 32 there and 64 here");
            }
            train(stopped, more.toArray()).ok();
            assertThat(TinyTraining.contents(stopped)).isEqualTo(TinyTraining.contents(out));
        }
    }

    @Test
    void withoutBucketsTheShapesAreRefusedAndTheRecipeIsSilent() {
        train(temp.resolve("none"), "-q")
                .fails(
                        1,
                        "row001 of shard shapes is 64×16",
                        "'soup train' takes them",
                        "--buckets");
        train(temp.resolve("none"), "--buckets", 40, "-q")
                .fails(2, "--buckets must be a multiple of 16 from 16 to 8192", "not 40");
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 5, 16, "train");
        train(temp.resolve("plain"), "-q").ok();
        assertThat(TrainingRecipe.ofWeights(temp.resolve("plain")).fields().toString())
                .doesNotContain("bucket");
    }

    @Test
    void anIngredientOfSdxlDraws() throws IOException {
        Path base = TinyTraining.BASE.resolveSibling("tiny-sdxl");
        Path out = temp.resolve("xl");
        Run.of(
                        "train",
                        "--base",
                        base,
                        "--shard",
                        shard,
                        "--out",
                        out,
                        "--steps",
                        4,
                        "--batch",
                        2,
                        "--buckets",
                        32,
                        "-q")
                .ok();
        Path png = temp.resolve("a.png");
        Run.of("generate", "--model", out, "--prompt", "a", "--steps", 2, "-q", "-o", png).ok();
        assertThat(png).isNotEmptyFile();
    }

    /** A withdrawal trains again from the recipe, and so does a check of what came of it. */
    @Test
    void aRegistryTrainsAgainInTheSameBuckets() throws IOException {
        Path registry = temp.resolve("registry");
        Path other = TinyTraining.shard(temp.resolve("other.tar"), 3, 32, "train");
        Run.at(registry, "init").ok();
        Run.at(registry, "base", "add", "base", TinyTraining.BASE).ok();
        Run.at(registry, "shard", "add", "shapes", "--data", shard).ok();
        Run.at(registry, "shard", "add", "other", "--data", other).ok();
        for (String name : List.of("shapes", "other")) {
            Run.of(
                            "train",
                            "--base",
                            TinyTraining.BASE,
                            "--shard",
                            name,
                            "--out",
                            temp.resolve(name),
                            "--steps",
                            3,
                            "--batch",
                            3,
                            "--buckets",
                            32,
                            "-q",
                            "--registry",
                            registry)
                    .ok();
        }
        Run.at(registry, "registry", "make", "both", "--follow").ok();
        List<Sample> samples = Shard.open(shard).samples();
        Path gone = temp.resolve("gone.txt");
        Files.writeString(gone, samples.get(4).info().sha256() + "\n");
        Run.at(registry, "withdraw", "--samples", gone, "--reason", "a person asked").ok();

        Path left = Files.createDirectory(temp.resolve("left")).resolve("shapes.tar");
        List<Sample> rest = new ArrayList<>(samples);
        rest.remove(4);
        ShardWriter.write(left, rest);
        Path again = temp.resolve("again");
        Run.of(
                        "train",
                        "--base",
                        TinyTraining.BASE,
                        "--shard",
                        left,
                        "--out",
                        again,
                        "--steps",
                        3,
                        "--batch",
                        3,
                        "--buckets",
                        32,
                        "-q")
                .ok();
        Path exported = temp.resolve("exported");
        String entry = json(Run.at(registry, "show", "shapes", "--json")).path("entry").asText();
        Run.at(registry, "export", entry, "-o", exported).ok();
        assertThat(TinyTraining.contents(exported))
                .containsEntry(UNET, TinyTraining.contents(again).get(UNET));

        Path certificate;
        try (var all = Files.list(registry.resolve("certificates"))) {
            certificate = all.max(Comparator.naturalOrder()).orElseThrow();
        }
        Run deep =
                Run.of(
                        "verify",
                        certificate,
                        "-q",
                        "--key",
                        registry.resolve("registry.pub"),
                        "--store",
                        registry.resolve("store"),
                        "--deep",
                        "shapes",
                        "--shard",
                        left);
        assertThat(deep.ok().out())
                .contains("ingredient shapes: trained again, it has the same bytes");
    }
}
