package org.diffusionsoup.workbench.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A slice of fuzzing over what people bring besides checkpoints. Longer, with another seed: {@code
 * -Dfuzz.seconds=3600 -Dfuzz.seed=N}; inputs that break the rule are kept under {@code
 * target/fuzz-failures}.
 */
class InputFuzzTest {
    @TempDir private Path dir;

    @Test
    void damagedInputsAreReadOrRefusedInOneSentence() throws IOException {
        double seconds = Long.getLong("fuzz.seconds", 4);
        InputFuzz fuzz =
                new InputFuzz(dir, Long.getLong("fuzz.seed", 5), Path.of("target/fuzz-failures"));
        long start = System.nanoTime();
        fuzz.run(seconds);
        String report = "%.0f s\n%s".formatted((System.nanoTime() - start) / 1e9, fuzz);
        Files.writeString(Path.of("target/input-fuzz-report.txt"), report);
        assertThat(fuzz.findings).as(report).isEmpty();
        assertThat(fuzz.tallies.values())
                .as(report)
                .hasSize(5)
                .allSatisfy(t -> assertThat(t.inputs).isPositive())
                .allSatisfy(t -> assertThat(t.reasons).isNotEmpty());
    }

    /** Damage to what cannot be read anyway would find little. */
    @Test
    void wholeInputsAreRead() throws IOException {
        List<String> refused = new ArrayList<>();
        for (var target : FuzzTargets.all(dir).values()) {
            for (var seed : target.seeds().entrySet()) {
                Path folder = Files.createTempDirectory(dir, "whole");
                try {
                    target.read(Files.write(folder.resolve(seed.getKey()), seed.getValue()));
                } catch (SoupException e) {
                    refused.add(seed.getKey());
                }
            }
        }
        // WebP is named, and the other needs the emoji shards beside it.
        assertThat(refused).containsOnly("w6.webp", "evaluate-table1.yaml");
    }
}
