package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.workbench.train.FineTuneRequest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code soup train --registry} that was killed, also between the model and its entry, ends in the
 * entry of a run that nobody disturbed.
 */
class StoppedRecordingTest {
    private static final String NOTE = "trained-on.json";

    @TempDir private Path folder;
    private Path tar;
    private Path registry;

    @BeforeEach
    void make() {
        tar = TinyTraining.shard(folder.resolve("mine.tar"), 6, 16, "train");
        fresh("one");
    }

    private void fresh(String name) {
        registry = folder.resolve(name);
        soup("init").ok();
        soup("base", "add", "tiny", TinyTraining.BASE).ok();
        soup("shard", "add", "mine", "--data", tar).ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private Run train(Path out, Object... more) {
        List<Object> words =
                new ArrayList<>(List.of("train", "--base", TinyTraining.BASE, "--shard", "mine"));
        words.addAll(List.of("--steps", 2, "--out", out));
        words.addAll(List.of(more));
        return soup(words.toArray());
    }

    private JsonNode entry() throws IOException {
        return new ObjectMapper().readTree(soup("show", "mine", "--json").ok().out()).path("body");
    }

    private static Path state(Path out) {
        return out.resolveSibling(out.getFileName() + ".training");
    }

    private void stopAfterOneStep(Path out) {
        TinyTraining.stopAfter(
                new FineTuneRequest(
                        TinyTraining.BASE,
                        List.of(tar.toString()),
                        out,
                        FineTuneRequest.embeddedDefaults(2, 0),
                        0.1,
                        FineTuneRequest.CHECKPOINT_EVERY,
                        false),
                1);
    }

    @Test
    void aModelWithoutItsEntryIsRecorded() throws Exception {
        Path out = folder.resolve("out");
        stopAfterOneStep(out);
        Path kept = folder.resolve("kept");
        Files.copy(state(out).resolve("training-state.safetensors"), kept);
        byte[] note = Files.readAllBytes(state(out).resolve(NOTE));
        train(out).ok();
        JsonNode undisturbed = entry();
        assertThat(undisturbed.path("threads").asInt()).as("of all steps").isPositive();
        assertThat(state(out)).doesNotExist();

        // Killed before the checkpoint was removed.
        fresh("two");
        Files.createDirectory(state(out));
        Files.copy(kept, state(out).resolve("training-state.safetensors"));
        Files.write(state(out).resolve(NOTE), note);
        train(out, "--seed", 1).fails(1, "out exists already");
        assertThat(
                        new ObjectMapper()
                                .readTree(train(out, "--json").ok().out())
                                .path("rows")
                                .asInt())
                .isEqualTo(6);
        assertThat(entry()).isEqualTo(undisturbed);
        assertThat(state(out)).doesNotExist();
        soup("fsck").ok();
        train(out).fails(1, "has an ingredient 'mine'");

        // Killed after its entry, before the note was removed.
        Files.createDirectory(state(out));
        Files.write(state(out).resolve(NOTE), note);
        train(out, "--seed", 1).fails(1, "out exists already");
        train(folder.resolve("another")).fails(1, "has an ingredient 'mine'");
        assertThat(train(out).ok().out()).contains("ingredient mine, entry 3 of");
        assertThat(state(out)).doesNotExist();
        assertThat(soup("log").ok().out().lines().filter(l -> l.contains("mine"))).hasSize(2);

        // As an earlier version left it: what it was trained on is not known.
        fresh("three");
        train(out, "--caption-dropout", 0.2).fails(1, "out exists already");
        train(out).ok();
        assertThat(entry())
                .isEqualTo(
                        ((ObjectNode) undisturbed.deepCopy())
                                .without(List.of("threads", "processor")));
        soup("fsck").ok();
    }

    @Test
    void stepsDoneInAnotherWayAreSaidByNobody() throws Exception {
        Path out = folder.resolve("out");
        stopAfterOneStep(out);
        Files.writeString(state(out).resolve(NOTE), "{\"threads\":99,\"processor\":\"other\"}");
        train(out).ok();
        assertThat(entry().has("threads")).isFalse();
        assertThat(state(out)).doesNotExist();
    }

    @Test
    void theNoteStaysUntilTheModelIsRecorded() {
        Path out = folder.resolve("out");
        train(out, "--lr", "1e-30").fails(1, "Trained, but not recorded");
        assertThat(out).exists();
        assertThat(state(out).resolve(NOTE)).exists();
        train(out, "--lr", "1e-30").fails(1, "Trained, but not recorded");
        Path inside = registry.resolve("store/manifests/out");
        train(inside).fails(1, "Cannot write to", "lies inside the registry's store of weights");
        soup("withdraw", "mine", "--reason", "asked").ok();
        train(out, "--lr", "1e-30")
                .fails(
                        1,
                        "Shard 'mine' was withdrawn (entry ",
                        "An earlier run left in " + out + " what it had learnt");

        Path alone = folder.resolve("alone");
        Run.of("train", "--base", TinyTraining.BASE, "--shard", tar, "--steps", 2, "-o", alone)
                .ok();
        assertThat(state(alone)).doesNotExist();
    }
}
