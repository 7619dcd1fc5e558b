package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.ProcessMemory;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.Test;

class TrainBenchmarkTest {
    private static final Path TINY =
            Path.of("../diffusion/src/test/resources/reference/pipelines/tiny-sd15");

    @Test
    void theFiguresBelongTogether() {
        TrainBenchmark.Result r =
                new TrainBenchmark(
                                new TrainBenchmark.Request(Optional.of(TINY), 1, 1, 0.02, 20, 1),
                                Progress.silent())
                        .run();
        assertThat(r.textTokens()).isEqualTo(77);
        assertThat(r.trainingMflopsPerImage()).isEqualTo(3 * r.forwardMflopsPerImage());
        for (TrainBenchmark.Throughput t :
                new TrainBenchmark.Throughput[] {r.float32(), r.bfloat16()}) {
            assertThat(t.imagesPerSecond()).isPositive();
            assertThat(t.bestImagesPerSecond()).isGreaterThanOrEqualTo(t.imagesPerSecond() * 0.999);
            double gflops = t.imagesPerSecond() * r.trainingMflopsPerImage() / 1e3;
            assertThat(t.gflops()).isCloseTo(gflops, within(1e-6 * gflops));
            assertThat(t.shareOfPeakPercent()).isBetween(0.0, 100.0);
        }
        if (ProcessMemory.resident().isPresent()) {
            assertThat(r.memory()).hasValueSatisfying(m -> assertThat(m.steps()).isEqualTo(10));
        }
    }

    @Test
    void numbersThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> new TrainBenchmark.Request(Optional.empty(), 0, 1, 1, 0, 1))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`batch`");
        assertThatThrownBy(() -> new TrainBenchmark.Request(Optional.empty(), 1, 1, 1, 5, 1))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`steps`");
    }
}
