package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A split that was killed goes on by the same command, wherever it was. */
class StoppedSplitTest {
    @TempDir private Path folder;
    private Path registry;
    private Path tar;
    private Path half;

    @BeforeEach
    void make() {
        registry = folder.resolve("registry");
        half = folder.resolve("half");
        tar = TinyTraining.shard(folder.resolve("many.tar"), 12, 16, "train");
        soup("init").ok();
    }

    private Run soup(Object... args) {
        return Run.at(registry, args);
    }

    private Run split(Object... more) {
        List<Object> words = new ArrayList<>(List.of("split", tar, "--disjoint", 2, "-o", half));
        words.addAll(List.of(more));
        return soup(words.toArray());
    }

    private Path part(int i) {
        return folder.resolve("half-" + i + ".tar");
    }

    private JsonNode shards() throws IOException {
        return new ObjectMapper().readTree(split("--json").ok().out()).path("shards");
    }

    /** What an unkilled run writes, and then as if nothing had been. */
    private List<byte[]> unkilled() throws IOException {
        split().ok();
        List<byte[]> bytes = List.of(Files.readAllBytes(part(1)), Files.readAllBytes(part(2)));
        Files.delete(part(1));
        Files.delete(part(2));
        registry = folder.resolve("another");
        soup("init").ok();
        return bytes;
    }

    @Test
    void tarsThatWereWrittenAreTaken() throws Exception {
        List<byte[]> bytes = unkilled();
        Files.write(part(2), bytes.get(1));
        assertThat(shards().findValuesAsText("name")).containsExactly("half-1", "half-2");
        assertThat(part(1)).hasBinaryContent(bytes.get(0));
        assertThat(part(2)).hasBinaryContent(bytes.get(1));
        soup("fsck").ok();
    }

    @Test
    void partsThatWereRecordedAreTaken() throws Exception {
        List<byte[]> bytes = unkilled();
        Files.write(part(1), bytes.get(0));
        Files.write(part(2), bytes.get(1));
        soup("shard", "add", "half-1", "--data", part(1)).ok(); // as earlier versions did
        JsonNode made = shards();
        assertThat(made.findValuesAsText("name")).containsExactly("half-1", "half-2");
        assertThat(soup("log").ok().out()).contains("half-1", "half-2");
        String log = soup("log").ok().out();

        assertThat(shards()).as("killed after all was recorded").isEqualTo(made);
        assertThat(soup("log").ok().out()).isEqualTo(log);
        soup("fsck").ok();
    }

    @Test
    void whatIsOtherwiseIsRefused() throws Exception {
        List<byte[]> bytes = unkilled();
        Files.write(part(2), bytes.get(0));
        split().fails(1, part(2) + " exists already, with other rows");
        assertThat(part(1)).doesNotExist();
        assertThat(part(2)).hasBinaryContent(bytes.get(0));

        Files.write(part(2), bytes.get(1));
        soup("shard", "add", "half-2", "--data", part(2), "--provider", "else").ok();
        split().fails(1, "There is a shard 'half-2'");
        assertThat(part(1)).doesNotExist();
        assertThat(part(2)).exists();
        soup("withdraw", "half-2", "--reason", "asked").ok();
        split().fails(1, "There was a shard 'half-2'");
    }

    /** Rows say who made a picture; under what terms it came, the registry knows. */
    @Test
    void partsHaveTheTermsOfTheRecordedShard() throws Exception {
        soup(
                        "shard",
                        "add",
                        "acme",
                        "--data",
                        tar,
                        "--provider",
                        "acme",
                        "--licence",
                        "LicenseRef-Acme",
                        "--uses",
                        "research",
                        "--expires",
                        "2199-06-30")
                .ok();
        for (Object what : List.of("acme", tar)) {
            Path prefix = folder.resolve("of-" + List.of("acme", tar).indexOf(what));
            soup("split", what, "--disjoint", 2, "-o", prefix).ok();
            for (int i = 1; i <= 2; i++) {
                String name = prefix.getFileName() + "-" + i;
                assertThat(soup("show", name, "--json").ok().out())
                        .contains("acme", "LicenseRef-Acme", "research", "2199-06-30");
            }
        }
        Path other = folder.resolve("other");
        soup("split", "acme", "--disjoint", 2, "-o", other, "--licence", "MIT").ok();
        assertThat(soup("show", "other-1", "--json").ok().out()).contains("\"MIT\"", "\"acme\"");
    }

    @Test
    void nothingIsWrittenAmongTheWeights() {
        Path inside = registry.resolve("store").resolve("half");
        soup("split", tar, "--disjoint", 2, "-o", inside)
                .fails(1, inside + "-1.tar is in the registry's store of weights");
        assertThat(registry.resolve("store/half-1.tar")).doesNotExist();
        soup("fsck").ok();
    }
}
