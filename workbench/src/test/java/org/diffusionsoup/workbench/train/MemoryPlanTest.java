package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryPlanTest {
    private static final int MANY = Integer.MAX_VALUE;
    private static final int SIDE = 16;

    private static FineTuneRequest request(int batch) {
        return new FineTuneRequest(
                Path.of("../models/emoji-base"),
                List.of("unused"),
                Path.of("unused"),
                FineTuneRequest.embeddedDefaults(10, 0).withBatch(batch),
                0.1,
                0,
                false);
    }

    private static MemoryPlan plan(int batch, double free) {
        return MemoryPlan.of(request(batch), SIDE, MANY, free);
    }

    /**
     * Peak resident sizes on the embedded base, one thread, in bytes: of soup train, and, with
     * checkpointing, of the same steps without the rest of the program's work.
     */
    @ParameterizedTest
    @CsvSource({"2, false, 636e6", "64, false, 1211e6", "256, false, 2963e6", "64, true, 645e6"})
    void theEstimateIsNearWhatWasMeasured(int batch, boolean checkpointing, double measured) {
        MemoryPlan plan =
                MemoryPlan.of(request(batch).checkpointing(checkpointing), SIDE, MANY, 1e12);
        assertThat(plan.total()).isCloseTo(measured, withinPercentage(20));
    }

    /** The base has 7.2 million weights: three copies are not made of them. */
    @Test
    void aLoraSavesGradientAndMoments() {
        FineTuneRequest lora = request(4).training(Optional.of(new LowRankOptions(8)));
        assertThat(plan(4, 1e12).total() - MemoryPlan.of(lora, SIDE, MANY, 1e12).total())
                .isBetween(80e6, 87e6);
    }

    @Test
    void theSentenceNamesEveryPart() {
        assertThat(plan(64, 8e9).sentence())
                .contains("weights 29 MB", "gradients 29 MB", "AdamW's moments 58 MB")
                .contains("with `checkpointing`", "8.0 GB that are free");
    }

    @Test
    void whatDoesNotFitIsRefusedWithWhatWould() {
        assertThatCode(() -> plan(64, 2e9).check()).doesNotThrowAnyException();
        assertThatThrownBy(() -> plan(4096, 2e9).check())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("4,096 pictures")
                .hasMessageContaining("`batch` 128 `accumulation` 32 would fit");
        assertThatThrownBy(() -> plan(20_000, 2e9).check())
                .as("as many pictures a step as before")
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`batch` 125 `accumulation` 160 would fit");
        assertThatThrownBy(() -> plan(256, 2e9).check())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`checkpointing` would fit, and `batch` 128");
        FineTuneRequest way = request(256).checkpointing(true);
        assertThatCode(() -> MemoryPlan.of(way, SIDE, MANY, 2e9).check())
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> plan(1, 1e8).check())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("larger machine");
    }

    @Test
    void aBatchHasNoMorePicturesThanItsBucket() {
        assertThat(MemoryPlan.of(request(64), SIDE, 4, 1e12).total())
                .isEqualTo(MemoryPlan.of(request(4), SIDE, MANY, 1e12).total());
    }
}
