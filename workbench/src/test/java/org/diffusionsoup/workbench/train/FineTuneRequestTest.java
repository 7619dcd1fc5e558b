package org.diffusionsoup.workbench.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingException;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FineTuneRequestTest {
    private static FineTuneRequest request(
            String out, long steps, double dropout, long checkpoint) {
        return new FineTuneRequest(
                Path.of("base"),
                List.of("a.tar"),
                Path.of(out),
                FineTuneRequest.embeddedDefaults(steps, 3),
                dropout,
                checkpoint,
                false);
    }

    private static FineTuneRequest request(String out) {
        return request(out, 100, 0.1, 50);
    }

    @ParameterizedTest
    @ValueSource(doubles = {-0.01, 1.01, Double.NaN, Double.POSITIVE_INFINITY})
    void aShareOfCaptionsIsFromNoneToAll(double dropout) {
        assertThatThrownBy(() -> request("x", 10, dropout, 0))
                .isInstanceOf(TrainingException.class)
                .hasMessage("`captionDropout` must be in [0, 1], not " + dropout);
        assertThat(request("x", 10, 0, 0).captionDropout()).isZero();
        assertThat(request("x", 10, 1, 0).captionDropout()).isEqualTo(1);
    }

    @Test
    void checkpointsAreNotNegative() {
        assertThatThrownBy(() -> request("x", 10, 0, -1))
                .isInstanceOf(TrainingException.class)
                .hasMessage("`checkpointEvery` must not be negative, not -1");
    }

    @ParameterizedTest
    @CsvSource({"0", "-3", "101"})
    void aRunEndsWithinItsSteps(long step) {
        assertThatThrownBy(() -> request("x").stoppedAfter(step))
                .isInstanceOf(TrainingException.class)
                .hasMessage("a run of 100 steps cannot end after " + step);
        assertThat(request("x").stoppedAfter(1).stopAfter()).isEqualTo(1);
        assertThat(request("x").stoppedAfter(100)).isEqualTo(request("x"));
    }

    @ParameterizedTest
    @CsvSource({"-1", "100", "1000"})
    void modelsAreKeptBeforeTheEnd(long every) {
        assertThatThrownBy(() -> request("x").keeping(every))
                .isInstanceOf(TrainingException.class)
                .hasMessage(
                        "`keepEvery` must be from 1 to below the 100 steps of the run (the last model is `out` itself), not "
                                + every);
        assertThat(request("x").keeping(99).keepEvery()).isEqualTo(99);
        assertThat(request("x").keeping(0)).isEqualTo(request("x"));
        assertThatThrownBy(() -> request("x").keeping(60).stoppedAfter(60))
                .as("of the run as it is shortened")
                .isInstanceOf(TrainingException.class);
    }

    @Test
    void eachChangeKeepsTheOthers() {
        Optional<LowRankOptions> lora = Optional.of(new LowRankOptions(4));
        DenoisingLoss loss = new DenoisingLoss(5, 0.1);
        Optional<BucketRule> buckets = Optional.of(new BucketRule(512, 64, 256, 1024));
        FineTuneRequest one =
                request("x")
                        .keeping(10)
                        .stoppedAfter(50)
                        .training(lora)
                        .minimising(loss)
                        .inBuckets(buckets)
                        .checkpointing(true);
        FineTuneRequest other =
                request("x")
                        .inBuckets(buckets)
                        .checkpointing(true)
                        .minimising(loss)
                        .training(lora)
                        .stoppedAfter(50)
                        .keeping(10);
        assertThat(one).isEqualTo(other);
        assertThat(one.lora()).isEqualTo(lora);
        assertThat(one.loss()).isEqualTo(loss);
        assertThat(one.buckets()).isEqualTo(buckets);
        assertThat(one.checkpointing()).isTrue();
        assertThat(one.keepEvery()).isEqualTo(10);
        assertThat(one.stopAfter()).isEqualTo(50);
        assertThat(one.options()).isEqualTo(request("x").options());
    }

    @Test
    void factorsAreAFileOnlyWhereTheyAreTrained() {
        FineTuneRequest factors =
                request("mine.safetensors").training(Optional.of(new LowRankOptions(4)));
        assertThat(factors.writesFactors()).isTrue();
        assertThat(request("mine.safetensors").writesFactors()).isFalse();
        assertThat(request("mine").training(Optional.of(new LowRankOptions(4))).writesFactors())
                .isFalse();
        Path here = Path.of("").toAbsolutePath();
        assertThat(factors.keptFolder(7)).isEqualTo(here.resolve("mine-step000007.safetensors"));
        assertThat(request("a/../b").keptFolder(1234567)).isEqualTo(here.resolve("b-step1234567"));
        assertThat(request("b").stateFolder().getParent()).isEqualTo(here);
        assertThat(request("b").stateFolder().getFileName().toString())
                .startsWith("b")
                .isNotEqualTo("b");
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "9, 1", "10, 1", "55, 5", "200, 20", "100000, 20"})
    void theWarmupIsATenthOfTheStepsAtMostTwenty(long steps, long warmup) {
        TrainingOptions o = FineTuneRequest.embeddedDefaults(steps, 8);
        assertThat(o.warmup()).isEqualTo(warmup);
        assertThat(o.steps()).isEqualTo(steps);
        assertThat(o.seed()).isEqualTo(8);
        assertThat(o.batch() * o.accumulation()).isEqualTo(16);
    }
}
