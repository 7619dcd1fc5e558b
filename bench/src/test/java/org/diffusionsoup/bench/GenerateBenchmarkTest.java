package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.Test;

class GenerateBenchmarkTest {
    private static final Path TINY =
            Path.of("../diffusion/src/test/resources/reference/pipelines/tiny-sd15");

    @Test
    void everyWayIsTimedBesideTheSoupInOneBatch() {
        GenerateBenchmark.Result r =
                new GenerateBenchmark(
                                new GenerateBenchmark.Request(
                                        TINY, 2, 1, List.of(2), 1, WeightFormat.F16),
                                Progress.silent())
                        .run();
        assertThat(r.weights()).isEqualTo(WeightFormat.F16);
        assertThat(r.ways())
                .extracting(GenerateBenchmark.Way::way)
                .containsExactly("soup, one batch", "soup, one by one", "ensemble of 2, one batch");
        double batch = r.ways().getFirst().secondsPerPicture();
        for (GenerateBenchmark.Way w : r.ways()) {
            assertThat(w.secondsPerPicture()).isPositive();
            assertThat(w.toBatch()).isCloseTo(w.secondsPerPicture() / batch, within(1e-9));
        }
    }

    @Test
    void numbersThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() ->
                        new GenerateBenchmark.Request(TINY, 1, 1, List.of(), 1, WeightFormat.F32))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`pictures`");
        assertThatThrownBy(() ->
                        new GenerateBenchmark.Request(
                                TINY, 2, 1, List.of(2, 1), 1, WeightFormat.F32))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`members`");
    }
}
