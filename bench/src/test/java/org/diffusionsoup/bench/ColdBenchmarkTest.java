package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.diffusionsoup.bench.ColdBenchmark.Dropped;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dropping cached pages, by a file that stands for the kernel's. */
class ColdBenchmarkTest {
    @TempDir private Path folder;

    private Dropped drop(boolean spareOthers, Path knob) throws IOException {
        Path input = Files.writeString(folder.resolve("input"), "text");
        return new ColdBenchmark(folder, OptionalLong.empty(), spareOthers, knob, Progress.silent())
                .drop(List.of(input));
    }

    @Test
    void theMachinesPagesAreDroppedWherePermitted() throws IOException {
        Path knob = Files.createFile(folder.resolve("drop_caches"));
        assertThat(drop(false, knob)).isEqualTo(Dropped.MACHINE);
        assertThat(knob).hasContent("3");
    }

    @Test
    void elseTheInputsOwn() throws IOException {
        Path none = folder.resolve("none/drop_caches");
        assertThat(drop(false, none)).isIn(Dropped.INPUTS, Dropped.NOTHING);
        Path knob = Files.createFile(folder.resolve("drop_caches"));
        assertThat(drop(true, knob)).isIn(Dropped.INPUTS, Dropped.NOTHING);
        assertThat(knob).isEmptyFile();
    }
}
