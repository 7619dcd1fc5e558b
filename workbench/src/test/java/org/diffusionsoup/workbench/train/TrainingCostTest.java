package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainingCostTest {
    private static final TrainingOptions OPTIONS = FineTuneRequest.embeddedDefaults(10, 0);
    private final TrainingCost cost =
            TrainingCost.of(Path.of("../models/emoji-base"), OPTIONS, Optional.empty());

    /** Peak resident sizes of soup train on the embedded base, one thread, in bytes. */
    @ParameterizedTest
    @CsvSource({"2, 636e6", "64, 1211e6", "256, 2963e6"})
    void theEstimateIsNearWhatWasMeasured(int batch, double measured) {
        assertThat(cost.bytes(batch)).isCloseTo(measured, withinPercentage(15));
    }

    /** The base has 7.2 million weights: three copies are not made of them. */
    @Test
    void aLoraSavesGradientAndMoments() {
        TrainingCost lora =
                TrainingCost.of(
                        Path.of("../models/emoji-base"),
                        OPTIONS,
                        Optional.of(new LowRankOptions(8)));
        assertThat(cost.bytes(4) - lora.bytes(4)).isBetween(80e6, 87e6);
    }

    @Test
    void whatDoesNotFitIsRefusedWithTheLargestBatchThatDoes() {
        assertThatCode(() -> cost.check(64, 1, 2e9)).doesNotThrowAnyException();
        assertThatThrownBy(() -> cost.check(4096, 2, 2e9))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("4,096 pictures")
                .hasMessageContaining("`batch` 128 `accumulation` 64 would fit");
        assertThatCode(() -> cost.check(128, 64, 2e9)).doesNotThrowAnyException();
        assertThatThrownBy(() -> cost.check(1, 1, 1e8))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("larger machine");
    }
}
