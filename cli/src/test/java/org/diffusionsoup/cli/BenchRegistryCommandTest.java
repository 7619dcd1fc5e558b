package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.io.ProjectFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;

/** {@code soup bench registry} on something small: what it measures has to happen at all. */
@ResourceLock(value = ProjectFiles.HOME, mode = ResourceAccessMode.READ)
class BenchRegistryCommandTest {
    @TempDir private Path folder;

    @Test
    void everythingIsTimedAndTheRegistriesAreGoneAfterwards() throws IOException {
        Run run =
                Run.of(
                        "bench",
                        "registry",
                        "--work",
                        folder,
                        "--shards",
                        8,
                        "--soups",
                        3,
                        "--samples",
                        3,
                        "--tries",
                        1,
                        "--divisor",
                        640,
                        "--ingredients",
                        3,
                        "--json");
        JsonNode json = new ObjectMapper().readTree(run.ok().out());
        JsonNode ledger = json.path("ledger");
        assertThat(ledger.path("entries").asInt()).isEqualTo(8 + 8 + 3 + 1);
        assertThat(ledger.path("start").asDouble()).isPositive();
        assertThat(ledger.path("commands").findValuesAsText("command"))
                .contains("show soup-1", "lineage", "withdraw shard-4");
        assertThat(ledger.path("withdrawLedger").asDouble()).isPositive();
        JsonNode left = json.path("withdrawal");
        assertThat(left.path("from").asInt()).isEqualTo(3);
        assertThat(left.path("withdraw").path("seconds").asDouble())
                .isGreaterThan(left.path("weights").asDouble());
        for (String what :
                new String[] {"registryAverage", "firstMerge", "rememberedMerge", "copy"}) {
            assertThat(left.path(what).path("seconds").asDouble()).as(what).isPositive();
        }
        assertThat(left.path("hashOne").asDouble()).isPositive();
        assertThat(left.path("hashAll").asDouble()).isPositive();
        try (var files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactly("f16-1-640");
        }
        Run.of("bench", "registry", "--work", folder, "--ingredients", 1).fails(2, "at least 2");
    }
}
