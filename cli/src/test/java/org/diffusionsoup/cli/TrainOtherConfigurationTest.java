package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.classify.ShardClassifierTrainer;
import org.diffusionsoup.workbench.registry.TrainingRecipe;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.diffusionsoup.workbench.train.FinishedRun;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Checkpoints of trainings whose base has the same weights, and says something else of them. */
class TrainOtherConfigurationTest {
    private static final int STEPS = 8;
    private static final ObjectMapper MAPPER =
            new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    @TempDir private Path temp;
    private Path base;
    private Path shard;
    private Path whole;
    private Path out;

    @BeforeAll
    static void oneThread() {
        Torch.setThreads(1);
    }

    @BeforeEach
    void prepare() throws IOException {
        base = TinyTraining.copyOfBase(temp.resolve("base"));
        shard = TinyTraining.shard(temp.resolve("squares.tar"), 7, 16, "train");
        whole = temp.resolve("whole");
        out = temp.resolve("ingredient");
        train(base, whole).ok();
    }

    private Run train(Path from, Path to, Object... more) {
        List<Object> words = new ArrayList<>(List.of("train", "--base", from, "--shard", shard));
        words.addAll(List.of("--out", to, "--steps", STEPS, "--batch", 2, "-q"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    private FineTuneRequest request(Path to) throws IOException {
        return FineTuneRecipe.request(
                TrainingRecipe.ofWeights(whole), base, List.of(shard.toString()), to);
    }

    private void stopped() throws IOException {
        TinyTraining.stopAfter(request(out), 3);
        assertThat(state()).exists();
    }

    private Path state() {
        return temp.resolve("ingredient.training/training-state.safetensors");
    }

    /** Sets a field of a JSON file to a text or a number. */
    private static void set(Path file, String field, String value) throws IOException {
        ObjectNode o = (ObjectNode) MAPPER.readTree(file.toFile());
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        o.set(
                field,
                value.matches("[0-9.]+")
                        ? nodes.numberNode(Double.parseDouble(value))
                        : nodes.textNode(value));
        MAPPER.writeValue(file.toFile(), o);
    }

    @ParameterizedTest
    @CsvSource({
        "scheduler/scheduler_config.json, prediction_type, v_prediction, prediction_type \"epsilon\"",
        "scheduler/scheduler_config.json, beta_end, 0.02, noise_of_timesteps_sha256",
        "unet/config.json, norm_eps, 0.01, norm_eps",
        "vae/config.json, scaling_factor, 0.5, scaling_factor 0.",
        "text_encoder/config.json, layer_norm_eps, 0.01, layer_norm_eps",
        "tokenizer/special_tokens_map.json, pad_token, !, pad_token"
    })
    void aCheckpointOfAnotherConfigurationIsRefused(
            String file, String field, String value, String told) throws IOException {
        stopped();
        byte[] before = Files.readAllBytes(base.resolve(file));
        byte[] state = Files.readAllBytes(state());
        set(base.resolve(file), field, value);
        for (Object[] more : new Object[][] {{"--dry-run"}, {}}) {
            train(base, out, more)
                    .fails(
                            SoupCli.FAILED,
                            "is a checkpoint of a different run (" + file + " says ",
                            told,
                            " there and ",
                            "give another --out");
        }
        assertThat(out).doesNotExist();
        assertThat(state()).hasBinaryContent(state);
        Files.write(base.resolve(file), before);
        train(base, out).ok();
        assertThat(TinyTraining.contents(out)).isEqualTo(TinyTraining.contents(whole));
    }

    @Test
    void mergesOfAnotherTokenizerAreRefused() throws IOException {
        stopped();
        Path merges = base.resolve("tokenizer/merges.txt");
        List<String> lines = Files.readAllLines(merges);
        Files.write(merges, lines.subList(0, lines.size() - 1));
        train(base, out).fails(SoupCli.FAILED, "(tokenizer/merges.txt is another one there)");
    }

    /** A copy elsewhere, in other words, with a default written out and another way to draw. */
    @Test
    void theSameBaseElsewhereIsGoneOnWith() throws IOException {
        stopped();
        Path copy = TinyTraining.copyOfBase(temp.resolve("copy"));
        set(copy.resolve("unet/config.json"), "_name_or_path", "somewhere");
        set(copy.resolve("unet/config.json"), "freq_shift", "0");
        set(copy.resolve("scheduler/scheduler_config.json"), "prediction_type", "epsilon");
        set(copy.resolve("scheduler/scheduler_config.json"), "steps_offset", "0");
        train(copy, out).ok();
        assertThat(TinyTraining.contents(out).get("unet/diffusion_pytorch_model.safetensors"))
                .isEqualTo(
                        TinyTraining.contents(whole)
                                .get("unet/diffusion_pytorch_model.safetensors"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS) // where making links takes a privilege
    void aBaseReachedByLinksMakesTheSameIngredient() throws IOException {
        Path apart = Files.createDirectory(temp.resolve("apart"));
        for (String part : new String[] {"unet", "scheduler", "tokenizer", "vae"}) {
            Files.move(base.resolve(part), apart.resolve(part));
            Files.createSymbolicLink(base.resolve(part), apart.resolve(part));
        }
        Files.createSymbolicLink(base.resolve("here"), base);
        Path link = Files.createSymbolicLink(temp.resolve("latest"), base);
        train(link, out).ok();
        assertThat(TinyTraining.contents(out)).isEqualTo(TinyTraining.contents(whole));
    }

    /** Which kept no configuration: whatever the base says, it is gone on with, as it was. */
    @Test
    void aCheckpointOfAnEarlierVersionIsGoneOnWith() throws IOException {
        stopped();
        Path kept = temp.resolve("kept.safetensors");
        Files.move(state(), kept);
        try (SafetensorsFile f = SafetensorsFile.open(kept)) {
            Map<String, String> header = new TreeMap<>(f.metadata());
            assertThat(header.remove("soup.training.configuration")).isNotNull();
            List<TensorEntry> all = new ArrayList<>();
            for (TensorInfo t : f.tensors().values()) {
                TensorBytes bytes = TensorBytes.of(f.data(t.name()));
                all.add(new TensorEntry(t.name(), t.dtype(), t.shape(), bytes));
            }
            SafetensorsWriter.write(state(), header, all);
        }
        train(base, out).ok();
        assertThat(TinyTraining.contents(out)).isEqualTo(TinyTraining.contents(whole));
    }

    @Test
    void whatWasKeptOrFinishedWithAnotherConfigurationIsNotTakenForThisRuns() throws IOException {
        train(base, out, "--keep-every", 4).ok();
        assertThat(FinishedRun.of(request(out))).isPresent();
        Path step = temp.resolve("ingredient-step000004");
        Map<String, String> kept = TinyTraining.contents(step);
        set(base.resolve("scheduler/scheduler_config.json"), "prediction_type", "v_prediction");
        assertThat(FinishedRun.of(request(out))).isEmpty();
        Files.move(out, temp.resolve("moved"));
        train(base, out, "--keep-every", 4)
                .fails(
                        SoupCli.FAILED,
                        "ingredient-step000004 was kept by a different run"
                                + " (scheduler/scheduler_config.json says prediction_type");
        assertThat(TinyTraining.contents(step)).isEqualTo(kept);
    }

    @Test
    void aJudgesCheckpointKnowsWhatItsStartSaid() throws IOException {
        Path start = TinyModels.copy(TinyModels.clip(), temp.resolve("clip"));
        Object[] words = {
            "judge",
            "train",
            "clip",
            "--data",
            shard,
            "--from",
            start,
            "--work",
            temp.resolve("work"),
            "-o",
            temp.resolve("judge"),
            "--steps",
            2,
            "-q"
        };
        Run.of(words).ok();
        Run.of(words).ok();
        ObjectNode config = (ObjectNode) MAPPER.readTree(start.resolve("config.json").toFile());
        ((ObjectNode) config.path("vision_config")).put("layer_norm_eps", 0.01);
        MAPPER.writeValue(start.resolve("config.json").toFile(), config);
        Run.of(words).fails(SoupCli.FAILED, "is a checkpoint of a different run (config.json says");
    }

    @Test
    void aClassifiersCheckpointKnowsItsBase() throws IOException {
        Path other = TinyTraining.shard(temp.resolve("others.tar"), 9, 16, "train");
        assertThat(classifier(other)).isPresent();
        assertThat(classifier(other)).isPresent();
        set(base.resolve("vae/config.json"), "scaling_factor", "0.5");
        assertThatThrownBy(() -> classifier(other))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("a different run (vae/config.json says scaling_factor");
    }

    private Optional<?> classifier(Path other) {
        List<String> shards = List.of(shard.toString(), other.toString());
        return new ShardClassifierTrainer(
                        base,
                        shards,
                        List.of("a", "b"),
                        temp.resolve("work"),
                        Progress.silent(),
                        () -> false)
                .run(2, 3, temp.resolve("classifier"));
    }
}
