package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.diffusionsoup.diffusion.torch.Torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code soup train} says to wrong input: one sentence, and nothing is left behind. */
class TrainFailuresTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path temp;
    private Path out;
    private Path shard;
    private List<Path> before = List.of();

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1); // steps this small only wait for a second one
    }

    @BeforeEach
    void prepare() throws IOException {
        out = Files.createDirectory(temp.resolve("outputs")).resolve("ingredient");
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 3, 16, "train");
        before = outputs();
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        assertThat(outputs()).isEqualTo(before);
    }

    private List<Path> outputs() throws IOException {
        try (Stream<Path> files = Files.walk(temp.resolve("outputs"))) {
            return files.sorted().toList();
        }
    }

    private Run train(Object base, Object shard, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", base, "--shard", shard));
        words.addAll(List.of("--out", out, "--steps", "2", "--float32", "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void aBaseThatIsNotThere() {
        Path base = temp.resolve("no-base");
        train(base, shard).fails(SoupCli.FAILED, "no model " + base, "diffusers layout");
    }

    @Test
    void aFolderThatIsNoPipeline() {
        train(temp, shard).fails(SoupCli.FAILED, "is no model: it has no model_index.json");
    }

    @Test
    void aBaseWithNanAmongItsWeights() throws IOException {
        Path base = TinyModels.broken(temp.resolve("nan-base"), UNET);
        Run run = train(base, shard);
        run.fails(SoupCli.FAILED, "--base " + base, "damaged", "unet/", "1 NaN");
        assertThat(run.err()).doesNotContain("--lr", "--bfloat16");
    }

    @Test
    void aShardThatIsNotThere() {
        train(TinyTraining.BASE, temp.resolve("no.tar"))
                .fails(SoupCli.FAILED, "no.tar does not exist");
    }

    @Test
    void aShardOfZeroRows() throws IOException {
        Path empty = Files.write(temp.resolve("empty.tar"), new byte[1024]);
        train(TinyTraining.BASE, empty).fails(SoupCli.FAILED, empty + " has zero rows");
    }

    @Test
    void aShardOfHeldOutRowsAlone() {
        Path heldOut = TinyTraining.shard(temp.resolve("held-out.tar"), 2, 16, "heldout");
        train(TinyTraining.BASE, heldOut)
                .fails(SoupCli.FAILED, heldOut + " has no training rows", "--shard");
    }

    @Test
    void picturesThatDoNotFitTheModel() {
        Path odd = TinyTraining.shard(temp.resolve("odd.tar"), 2, 18, "train");
        train(TinyTraining.BASE, odd)
                .fails(SoupCli.FAILED, "is 18×18", "sides divisible by 16", "--size");
        // The autoencoder would take these, the UNet halves their latents twice.
        Path halves = TinyTraining.shard(temp.resolve("halves.tar"), 2, 20, "train");
        train(TinyTraining.BASE, halves)
                .fails(SoupCli.FAILED, "row000 of shard halves is 20×20", "divisible by 16");
        Path large = TinyTraining.shard(temp.resolve("large.tar"), 2, 32, "train");
        train(TinyTraining.BASE, shard, "--shard", large)
                .fails(SoupCli.FAILED, "shard large are 32×32, those before them 16×16");
    }

    /** No memory helps there, and a dry run is for learning that before hours are planned. */
    @Test
    void sizesAndRanksComeBeforeMemoryAndInADryRunToo() {
        int[][] two = {{16, 16}, {16, 16}, {32, 16}};
        Path mixed = TinyTraining.shard(temp.resolve("mixed.tar"), two, "train");
        Path odd = TinyTraining.shard(temp.resolve("odd.tar"), 2, 18, "train");
        for (Object more : new Object[] {"--checkpointing", "--dry-run"}) {
            train(TinyTraining.BASE, mixed, "--batch", "100000000", more)
                    .fails(
                            SoupCli.FAILED,
                            "row row002 of shard mixed is 32×16, the rows before it 16×16",
                            "--buckets");
            train(TinyTraining.BASE, odd, more).fails(SoupCli.FAILED, "sides divisible by 16");
            train(TinyTraining.BASE, shard, "--lora", 17, "--batch", "100000000", more)
                    .fails(SoupCli.USAGE, "--lora 17 is above the rank that down_blocks", "16");
        }
    }

    @Test
    void aBatchBeyondMemoryIsRefusedWithOneThatFits() {
        train(TinyTraining.BASE, shard, "--batch", "100000000")
                .fails(SoupCli.FAILED, "100,000,000 pictures at once", "--accumulate");
        assertThat(out).doesNotExist();
    }

    @Test
    void anIngredientInThePlaceOfItsBaseIsRefused() throws IOException {
        Path base = temp.resolve("base");
        try (Stream<Path> all = Files.walk(TinyTraining.BASE)) {
            for (Path p : all.toList()) {
                Files.copy(p, base.resolve(TinyTraining.BASE.relativize(p).toString()));
            }
        }
        byte[] index = Files.readAllBytes(base.resolve("model_index.json"));
        for (Path place : List.of(base, base.resolve("../base"), base.resolve("unet/mine"))) {
            Run.of("train", "--base", base, "--shard", shard, "--out", place, "--force")
                    .fails(SoupCli.FAILED, "its base");
        }
        assertThat(base.resolve("model_index.json")).hasBinaryContent(index);
    }

    @Test
    void aShardGivenTwiceIsRefused() {
        train(TinyTraining.BASE, shard, "--shard", shard.toString())
                .fails(SoupCli.FAILED, "given twice");
    }

    @Test
    void wrongFlags() {
        train(TinyTraining.BASE, shard, "--step", "5").fails(SoupCli.USAGE, "--step");
        train(TinyTraining.BASE, shard, "--batch", "many").fails(SoupCli.USAGE, "--batch", "many");
        Run.of("train", "--shard", shard, "--out", out).fails(SoupCli.USAGE, "--base");
        for (String[] wrong :
                new String[][] {
                    {"--batch", "0"},
                    {"--accumulate", "0"},
                    {"--lr", "-1"},
                    {"--lr", "0"},
                    {"--ema", "1"},
                    {"--caption-dropout", "1.5"},
                    {"--checkpoint-every", "-1"},
                    {"--keep-every", "-1"},
                    {"--keep-every", "0"},
                    {"--keep-every", "2"}
                }) {
            train(TinyTraining.BASE, shard, wrong[0], wrong[1])
                    .fails(SoupCli.USAGE, wrong[0] + " must");
        }
    }

    @Test
    void truncatedWeightsOfTheBase() throws IOException {
        Path base = TinyTraining.copyOfBase(temp.resolve("base"));
        for (String file :
                List.of(
                        "unet/diffusion_pytorch_model.safetensors",
                        "vae/diffusion_pytorch_model.safetensors",
                        "text_encoder/model.safetensors")) {
            Path weights = base.resolve(file);
            byte[] whole = Files.readAllBytes(weights);
            for (long size : new long[] {whole.length - 1, whole.length / 2, 100, 4, 0}) {
                try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
                    channel.truncate(size);
                }
                train(base, shard).fails(SoupCli.FAILED, weights.toString());
            }
            Files.write(weights, whole);
        }
    }

    @Test
    void aConfigThatDoesNotFitItsWeights() throws IOException {
        Path base = TinyTraining.copyOfBase(temp.resolve("base"));
        Path config = base.resolve("unet/config.json");
        String text = Files.readString(config);
        Files.writeString(
                config,
                text.replaceFirst(
                        "\"transformer_layers_per_block\": \\d+",
                        "\"transformer_layers_per_block\": 2"));
        train(base, shard)
                .fails(SoupCli.FAILED, "does not fit its config.json", "transformer_blocks.1");
        Files.writeString(config, text.substring(0, text.length() / 2));
        train(base, shard).fails(SoupCli.FAILED, config + " is not valid JSON");
    }

    @Test
    void anIngredientThatExistsIsReplacedOnlyWhenAllowed() throws IOException {
        train(TinyTraining.BASE, shard).ok();
        Map<String, String> first = TinyTraining.contents(out);
        train(TinyTraining.BASE, shard, "--seed", "5")
                .fails(SoupCli.FAILED, out + " exists already", "--force");
        assertThat(TinyTraining.contents(out)).isEqualTo(first);

        train(TinyTraining.BASE, shard, "--seed", "5", "--force").ok();
        assertThat(TinyTraining.contents(out))
                .hasSameSizeAs(first)
                .isNotEqualTo(first)
                .containsEntry(
                        "vae/diffusion_pytorch_model.safetensors",
                        first.get("vae/diffusion_pytorch_model.safetensors"));
        // apart from the ingredient, nothing: no checkpoint, no hidden rest
        try (Stream<Path> left = Files.list(out.getParent())) {
            assertThat(left).containsExactly(out);
        }
        before = outputs();
    }
}
