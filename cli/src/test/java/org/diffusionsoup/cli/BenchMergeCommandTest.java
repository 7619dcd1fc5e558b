package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.io.ProjectFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;

/** {@code soup bench merge --cold} on something small: what it measures has to happen at all. */
@ResourceLock(value = ProjectFiles.HOME, mode = ResourceAccessMode.READ)
class BenchMergeCommandTest {
    @TempDir private Path folder;

    /** Spares the cache: whoever works beside the tests keeps what it holds. */
    private Run cold(Object... more) {
        List<Object> words = new ArrayList<>(List.of("bench", "merge", "--work", folder));
        words.addAll(List.of("--cold", "--cold-size", "8MB", "--spare-cache"));
        words.addAll(List.of(more));
        return Run.of(words.toArray());
    }

    @Test
    void everythingIsTimedOnceAndSaidToBeBelowMemory() throws IOException {
        JsonNode json = new ObjectMapper().readTree(cold("--json").ok().out());
        assertThat(json.path("ingredients").asInt()).isGreaterThanOrEqualTo(2);
        assertThat(json.path("input_bytes").asLong()).isGreaterThanOrEqualTo(8_000_000);
        assertThat(json.path("memory_bytes").asLong()).isGreaterThan(100_000_000);
        assertThat(json.path("past_memory").isBoolean()).isTrue();
        assertThat(json.path("past_memory").asBoolean()).isFalse();
        assertThat(json.path("dropped").asText()).isIn("inputs", "nothing");
        for (String time : new String[] {"cat", "cp", "sync", "first", "merge"}) {
            assertThat(json.path(time + "_seconds").asDouble()).as(time).isPositive();
        }
        for (String number :
                new String[] {"ratio", "ratio_with_sync", "merge_gigabytes_per_second"}) {
            assertThat(json.path(number).asDouble()).as(number).isPositive();
        }
        assertThat(json.path("peak_megabytes").asDouble()).isGreaterThan(10);
        try (var left = Files.list(folder)) {
            assertThat(left.map(f -> f.getFileName().toString()))
                    .as("the ingredients stay, nothing else")
                    .containsExactly("f16-1-" + json.path("divisor").asInt());
        }
        assertThat(cold("-q").ok().out()).contains("| F16 | ", "Below memory", "cached pages");
    }

    @Test
    void whatDoesNotFitOntoTheDiskIsRefused() {
        Run.of("bench", "merge", "--work", folder, "--cold", "--cold-size", "900TB", "-q")
                .fails(1, "lacks", "GB", "more ingredients of 1.73 GB and one output");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void flagsThatDoNotGoTogetherAreRefused() {
        Run.of("bench", "merge", "--work", folder, "--cold", "--quick").fails(2, "--quick");
        Run.of("bench", "merge", "--work", folder, "--cold-size", "1GB").fails(2, "--cold");
        Run.of("bench", "merge", "--work", folder, "--spare-cache").fails(2, "--cold");
    }
}
