package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;
import org.diffusionsoup.workbench.Progress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UNetBenchmarkTest {
    private static final Path TINY =
            Path.of("../diffusion/src/test/resources/reference/pipelines/tiny-sd15");

    @TempDir private Path folder;

    @Test
    void theFiguresBelongTogetherAndTheFileIsGone() {
        UNetShape shape = UNetShape.of(TINY);
        UNetBenchmark.Result r =
                new UNetBenchmark(
                                new UNetBenchmark.Request(
                                        shape,
                                        16,
                                        8,
                                        2,
                                        2,
                                        List.of(WeightFormat.F32, WeightFormat.BF16),
                                        true,
                                        0.02,
                                        Optional.of(folder)),
                                Progress.silent())
                        .run();
        assertThat(folder).isEmptyDirectory();
        assertThat(r.latents()).containsExactly(4, 16, 8);
        assertThat(r.tokens()).isEqualTo(77);
        assertThat(r.forwards())
                .extracting(UNetBenchmark.Forward::format)
                .containsExactly("float32", "bfloat16", "float32", "bfloat16");
        assertThat(r.forwards())
                .extracting(UNetBenchmark.Forward::weights)
                .containsExactly(
                        WeightFormat.F32, WeightFormat.F32, WeightFormat.BF16, WeightFormat.BF16);
        for (UNetBenchmark.Forward f : r.forwards()) {
            assertThat(f.processorSeconds()).isNotNegative(); // counted in ticks
            assertThat(f.medianSeconds()).isGreaterThanOrEqualTo(f.seconds());
            assertThat(f.gflops()).isCloseTo(r.gflop() / f.seconds(), within(1e-6 * f.gflops()));
            assertThat(f.shareOfPeakPercent())
                    .isCloseTo(100 * f.gflops() / f.gemmPeak().gflops(), within(1e-6));
        }
        assertThat(r.loadings())
                .extracting(UNetBenchmark.Loading::weightBytes)
                .containsExactly(4 * r.parameters(), 2 * r.parameters());
        UNetBenchmark.Loading l = r.loadings().getLast();
        assertThat(l.weights()).isEqualTo(WeightFormat.BF16);
        assertThat(l.fileBytes()).isBetween(2 * r.parameters(), 2 * r.parameters() + (1 << 20));
        assertThat(l.seconds()).isPositive();
    }

    /** Counted from the models' published tables of tensors. */
    @Test
    void theCarriedShapesAreThoseOfThePublishedModels() {
        assertThat(UNetShape.names()).containsExactly("sd-1.5", "sd-2.1", "sdxl");
        assertThat(weights("sd-1.5")).isEqualTo(859_520_964);
        assertThat(weights("sd-2.1")).isEqualTo(865_910_724);
        assertThat(weights("sdxl")).isEqualTo(2_567_463_684L);
    }

    private static long weights(String name) {
        var unet = new UNet2DConditionModel(UNetShape.named(name).config());
        try (var p = unet.parameters()) {
            return p.count();
        }
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        UNetShape shape = UNetShape.named("sd-1.5");
        for (int[] size : List.of(new int[] {12, 16}, new int[] {16, 0})) {
            assertThatThrownBy(() ->
                            new UNetBenchmark.Request(
                                    shape,
                                    size[0],
                                    size[1],
                                    1,
                                    1,
                                    List.of(WeightFormat.F32),
                                    false,
                                    0.02,
                                    Optional.empty()))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("multiples of 8 for sd-1.5");
        }
        assertThatThrownBy(() ->
                        new UNetBenchmark.Request(
                                shape, 8, 8, 1, 1, List.of(), false, 0.02, Optional.empty()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`dtype`");
        assertThatThrownBy(() -> UNetShape.named("sd-3"))
                .hasMessage("there is no shape 'sd-3'; there are sd-1.5, sd-2.1, sdxl.");
    }
}
