package org.diffusionsoup.workbench.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;
import org.diffusionsoup.workbench.FreeMemory;
import org.junit.jupiter.api.Test;

class DrawingCostTest {
    private static final double MIB = 1 << 20;

    /** Of the shape whose resident memory beyond loading was measured. */
    private static DrawingCost measured() {
        return measured(0);
    }

    private static DrawingCost measured(long widened) {
        Path base = Path.of("../models/emoji-base");
        return new DrawingCost(
                UNetConfig.of(JsonConfig.read(base.resolve("unet/config.json"))),
                VaeConfig.of(JsonConfig.read(base.resolve("vae/config.json"))),
                16,
                widened);
    }

    /** What layers widen is needed once, whatever the pictures, and leaves less for them. */
    @Test
    void floatCopiesOfHalfWeightsCount() {
        long copy = 118L << 20;
        for (int batch : new int[] {1, 7}) {
            assertThat(measured(copy).bytes(512, batch, true))
                    .isEqualTo(copy + measured().bytes(512, batch, true));
        }
        long all = (long) FreeMemory.bytes() * 2;
        assertThatThrownBy(() -> measured(all).check(PictureSize.square(64), 1, true))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("nothing this model draws would fit");
        assertThatThrownBy(() -> measured(copy).check(PictureSize.square(64), 100_000_000, true))
                .hasMessageMatching(".*; `batch` \\d+ would fit\\.");
    }

    @Test
    void theEstimateLiesAboveWhatWasMeasuredByLessThanTwice() {
        assertThat(measured().bytes(512, 1, true) / MIB).isBetween(317.0, 2 * 317.0);
        assertThat(measured().bytes(1024, 1, true) / MIB).isBetween(1124.0, 2 * 1124.0);
        assertThat(measured().bytes(64, 256, true) / MIB).isBetween(1514.0, 2 * 1514.0);
    }

    @Test
    void whatDoesNotFitIsRefusedWithWhatWould() {
        assertThatThrownBy(() -> measured().check(PictureSize.square(65_536), 1, true))
                .isInstanceOf(SoupException.class)
                .hasMessageMatching(
                        "Drawing a picture of 65,536×65,536 at once takes about .* TB of memory, and .* free; `size` \\d+ `batch` 1 would fit\\.");
        assertThatThrownBy(() -> measured().check(PictureSize.square(64), 100_000_000, true))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`batch` ");
        assertThatCode(() -> measured().check(PictureSize.square(64), 1, true))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> DrawingCost.checkKept(1_000_000_000L, PictureSize.square(64)))
                .hasMessageContaining("there is room for");
        assertThat(FreeMemory.text(3.3e12)).isEqualTo("3.3 TB");
        assertThat(FreeMemory.text(640e6)).isEqualTo("640 MB");
    }
}
