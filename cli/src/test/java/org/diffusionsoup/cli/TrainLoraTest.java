package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FineTuner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code soup train --lora}. */
class TrainLoraTest {
    private static final int STEPS = 8;

    @TempDir private Path temp;
    private Path shard;
    private Path file;
    private Path folder;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    @BeforeEach
    void prepare() {
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 7, 16, "train");
        file = temp.resolve("mine.safetensors");
        folder = temp.resolve("mine");
    }

    private Run train(Path to, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", TinyTraining.BASE));
        words.addAll(List.of("--shard", shard, "--out", to, "--steps", STEPS, "--batch", 2));
        words.addAll(List.of("--ema", "0.9", "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private static Path unet(Path model) {
        return model.resolve("unet/diffusion_pytorch_model.safetensors");
    }

    private byte[] drawn(Object... more) throws IOException {
        Path png = Files.createTempDirectory(temp, "drawn").resolve("a.png");
        List<Object> words = new ArrayList<>(List.of("generate", "--prompt", "a", "--steps", 2));
        words.addAll(List.of("-q", "-o", png));
        words.addAll(List.of(more));
        Run.of(words.toArray()).ok();
        return PngCodec.decode(Files.readAllBytes(png), "a.png").pixels();
    }

    /** The file beside the base, the file in the base and the folder are one model. */
    @Test
    void theFileAndTheFolderAreOneModel() throws IOException {
        Object[] lora = {"--lora", 4, "--lora-alpha", 16, "--lora-target", "all", "--lr", "1e-2"};
        Run run = train(file, lora).ok();
        assertThat(run.out()).contains("LoRA " + WeightsHash.of(file));
        assertThat(Run.of("lora", "inspect", file, "--model", TinyTraining.BASE).ok().out())
                .contains("LoRA (kohya)", "unet");
        assertThat(Run.of("inspect", file, "--full").ok().out())
                .contains("\"lora_rank\" : 4", "\"lora_alpha\" : 16", "\"lora_target\" : \"all\"");
        train(folder, lora).ok();
        assertThat(temp.resolve("mine.loss.csv"))
                .hasSameTextualContentAs(folder.resolve("loss.csv"));
        Path fused = temp.resolve("fused");
        Run.of("lora", "fuse", "--model", TinyTraining.BASE, "--lora", file, "-o", fused).ok();
        assertThat(WeightsHash.of(unet(folder))).isEqualTo(WeightsHash.of(unet(fused)));
        byte[] picture = drawn("--model", TinyTraining.BASE, "--lora", file);
        assertThat(drawn("--model", folder)).isEqualTo(picture);
        assertThat(drawn("--model", TinyTraining.BASE)).isNotEqualTo(picture);
        assertThat(folder.resolve("unet"))
                .isDirectoryNotContaining(p -> p.endsWith("factors.safetensors"));
    }

    @Test
    void aTableOfOtherHandsIsNoLossCurve() throws IOException {
        for (String name : List.of("mine.loss.csv", "mine-step000003.loss.csv")) {
            Path other = Files.writeString(temp.resolve(name), "my notes");
            train(file, "--lora", 2, "--keep-every", 3, "--force")
                    .fails(1, name, "not a loss curve");
            assertThat(other).hasContent("my notes");
            Files.delete(other);
            Files.createDirectory(other);
            Files.writeString(other.resolve("note"), "mine");
            train(file, "--lora", 2, "--keep-every", 3).fails(1, name, "not a loss curve");
            Files.delete(other.resolve("note"));
            Files.delete(other);
        }
        assertThat(file).doesNotExist();
        assertThat(temp.resolve("mine.safetensors.training")).doesNotExist();
        // Empty folders hold nothing to lose.
        Files.createDirectory(temp.resolve("mine.loss.csv"));
        Files.createDirectory(file);
        train(file, "--lora", 2, "--keep-every", 3, "--force").ok();
        assertThat(file).isRegularFile();
        train(file, "--lora", 2, "--keep-every", 3, "--force").ok();
    }

    /** What learns, and what a checkpoint holds, are the factors alone. */
    @Test
    void theCheckpointHoldsTheFactorsAlone() throws IOException {
        JsonNode json = new ObjectMapper().readTree(train(file, "--lora", 2, "--json").ok().out());
        long factors;
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            factors =
                    f.tensors().values().stream()
                            .filter(t -> !t.name().endsWith(".alpha"))
                            .mapToLong(TensorInfo::elements)
                            .sum();
        }
        assertThat(json.path("trained").asLong()).isEqualTo(factors);
        stopped(temp.resolve("other.safetensors"), 3);
        Path state = temp.resolve("other.safetensors.training/training-state.safetensors");
        try (SafetensorsFile f = SafetensorsFile.open(state)) {
            for (String part : List.of("weights", "adam.m", "adam.v", "ema")) {
                assertThat(f.tensor(part).elements()).as(part).isEqualTo(factors);
            }
        }
    }

    /** The run of {@code --lora 2}, ended after some steps. */
    private void stopped(Path to, int steps) {
        train(folder, "--lora", 2, "--force").ok();
        FineTuneRequest whole =
                FineTuneRecipe.request(
                        TrainingRecipe.ofWeights(folder),
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        to);
        assertThat(whole.lora()).isEqualTo(Optional.of(new LowRankOptions(2)));
        TinyTraining.stopAfter(whole, steps);
    }

    @Test
    void aStoppedRunGoesOnToTheSameBytes() throws IOException {
        train(file, "--lora", 2, "--keep-every", 3).ok();
        assertThat(temp.resolve("mine-step000006.safetensors")).exists();
        Path other = temp.resolve("other.safetensors");
        stopped(other, 4);
        assertThat(other).doesNotExist();
        train(other, "--lora", 2, "--keep-every", 3).ok();
        assertThat(other).hasSameBinaryContentAs(file);
        assertThat(temp.resolve("other.loss.csv"))
                .hasSameTextualContentAs(temp.resolve("mine.loss.csv"));
        assertThat(temp.resolve("other-step000006.safetensors"))
                .hasSameBinaryContentAs(temp.resolve("mine-step000006.safetensors"));
        assertThat(temp.resolve("other.safetensors.training")).doesNotExist();
    }

    @Test
    void aFoldersRecipeMakesItAgain() throws IOException {
        train(folder, "--lora", 3, "--lora-alpha", "4.5").ok();
        Path again = temp.resolve("again");
        FineTuneRequest request =
                FineTuneRecipe.request(
                        TrainingRecipe.ofWeights(folder),
                        TinyTraining.BASE,
                        List.of(shard.toString()),
                        again);
        assertThat(new FineTuner(request, Progress.silent(), () -> false).run()).isPresent();
        assertThat(TinyTraining.contents(again)).isEqualTo(TinyTraining.contents(folder));
    }

    /** The mean of two files' products is the soup of two folders. */
    @Test
    void twoAreMergedByTheirProducts() throws IOException {
        Path second = temp.resolve("second.safetensors");
        Path secondFolder = temp.resolve("second");
        for (Path to : List.of(file, folder)) {
            train(to, "--lora", 2, "--lr", "1e-2").ok();
        }
        for (Path to : List.of(second, secondFolder)) {
            train(to, "--lora", 3, "--lora-alpha", 9, "--lr", "1e-2", "--seed", 4).ok();
        }
        Path mean = temp.resolve("mean.safetensors");
        Run.of("lora", "merge", file, second, "-o", mean).ok();
        Path fused = temp.resolve("fused");
        Run.of("lora", "fuse", "--model", TinyTraining.BASE, "--lora", mean, "-o", fused).ok();
        Path soup = temp.resolve("soup");
        Run.of("make", folder, secondFolder, "-o", soup).ok();
        String name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight";
        float[] ours = values(unet(fused), name);
        float[] souped = values(unet(soup), name);
        float[] base = values(unet(TinyTraining.BASE), name);
        double moved = 0;
        for (int i = 0; i < ours.length; i++) {
            assertThat(ours[i]).isCloseTo(souped[i], within(1e-6f));
            moved = Math.max(moved, Math.abs(ours[i] - base[i]));
        }
        assertThat(moved).isGreaterThan(1e-4);
    }

    private static float[] values(Path file, String tensor) {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return f.data(tensor).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        }
    }

    @Test
    void wrongFlags() {
        train(file).fails(SoupCli.USAGE, "mine.safetensors", "--lora RANK");
        train(folder, "--lora-alpha", 2).fails(SoupCli.USAGE, "need --lora RANK");
        train(folder, "--lora-target", "all").fails(SoupCli.USAGE, "need --lora RANK");
        train(file, "--lora", 2, "--lora-target", "some").fails(SoupCli.USAGE, "--lora-target");
        train(file, "--lora", 2, "--paper").fails(SoupCli.USAGE, "--paper", "--lora");
        train(file, "--lora", 2, "--registry", temp.resolve("r"))
                .fails(SoupCli.USAGE, "whole models", "--registry");
        train(file, "--lora", 0).fails(SoupCli.USAGE, "--lora must be a rank", "not 0");
        train(file, "--lora", 2, "--lora-alpha", "-1").fails(SoupCli.USAGE, "--lora-alpha must");
        train(file, "--lora", 17).fails(SoupCli.USAGE, "--lora 17 is above the rank", "16");
        assertThat(file).doesNotExist();
        assertThat(temp.resolve("mine.safetensors.training")).doesNotExist();
    }

    @Test
    void whatIsThereIsReplacedOnlyWhenAllowed() throws IOException {
        train(file, "--lora", 2).ok();
        byte[] first = Files.readAllBytes(file);
        train(file, "--lora", 2, "--seed", 1).fails(SoupCli.FAILED, "exists already", "--force");
        assertThat(file).hasBinaryContent(first);
        train(file, "--lora", 2, "--seed", 1, "--force").ok();
        assertThat(Files.readAllBytes(file)).isNotEqualTo(first);
    }
}
