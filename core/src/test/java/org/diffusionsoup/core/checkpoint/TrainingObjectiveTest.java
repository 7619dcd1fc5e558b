package org.diffusionsoup.core.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What single files are read to predict. */
class TrainingObjectiveTest {
    @TempDir Path folder;

    private TrainingObjective of(Map<String, String> header, String... tensors) {
        return TrainingObjective.of(folder.resolve("m.safetensors"), header, Set.of(tensors));
    }

    private TrainingObjective said(String word) {
        return of(Map.of(TrainingObjective.MODELSPEC, word));
    }

    @ParameterizedTest
    @CsvSource({
        "v, v_prediction",
        "v-prediction, v_prediction",
        "V_PREDICTION, v_prediction",
        "epsilon, epsilon",
        "eps, epsilon",
        "noise, epsilon",
        "sample, sample",
        "x0, sample",
        "EDM, EDM",
        "rectified_flow, rectified_flow"
    })
    void aWordOfTheHeaderIsReadAsWhatItSays(String word, String prediction) {
        assertThat(said(word).prediction()).contains(prediction);
        TrainingObjective key = of(Map.of(TrainingObjective.PREDICT_KEY, word));
        assertThat(key.prediction()).contains(prediction);
        assertThat(key.source()).isEqualTo("its modelspec.predict_key");
    }

    @Test
    void anEmptyWordSaysNothing() {
        assertThat(said(" ").prediction()).isEmpty();
        assertThatCode(() -> said("").requireKnown(folder)).doesNotThrowAnyException();
    }

    @Test
    void anUnknownWordIsRefusedByItsField() {
        Path file = folder.resolve("m.safetensors");
        for (String word : new String[] {"EDM", "rectified_flow", "q".repeat(1000)}) {
            assertThatThrownBy(() -> said(word).requireKnown(file))
                    .isInstanceOf(SoupException.class)
                    .hasMessageStartingWith(file + " says")
                    .hasMessageContaining(word.substring(0, Math.min(60, word.length())))
                    .hasMessageContaining("its modelspec.prediction_type")
                    .message()
                    .hasSizeLessThan(600);
        }
        assertThatCode(() -> said("sample").requireKnown(file)).doesNotThrowAnyException();
    }

    @Test
    void anUnknownWordContradictsAMark() {
        Map<String, String> flow = Map.of(TrainingObjective.MODELSPEC, "rectified_flow");
        assertThatThrownBy(() -> of(flow, TrainingObjective.VELOCITY_MARK))
                .hasMessageContainingAll("says two things", "rectified_flow", "v_pred");
    }

    @Test
    void tensorsOfEdmSayMoreThanAHeader() {
        Map<String, String> noise = Map.of(TrainingObjective.MODELSPEC, "epsilon");
        TrainingObjective playground = of(noise, "w", "edm_mean", "edm_std");
        assertThat(playground.prediction()).contains("EDM");
        assertThat(playground.source()).isEqualTo("its tensor 'edm_mean'");
        TrainingObjective cosxl = of(noise, "edm_vpred.sigma_max", "edm_vpred.sigma_min");
        assertThat(cosxl.prediction()).contains("EDM with v_prediction");
        TrainingObjective plain = of(noise);
        assertThat(TrainingObjective.difference(playground, playground, true)).isEmpty();
        for (TrainingObjective other : new TrainingObjective[] {cosxl, plain, of(Map.of())}) {
            assertThat(TrainingObjective.difference(playground, other, true)).isPresent();
        }
    }

    /** Stable Diffusion 2 comes with noise or velocity, and in silence with neither else. */
    @Test
    void silenceOfStableDiffusion2IsNoiseOrVelocity() {
        TrainingObjective silent = of(Map.of());
        for (String word : new String[] {"v", "epsilon"}) {
            assertThat(TrainingObjective.difference(silent, said(word), false))
                    .isEqualTo(Optional.empty());
        }
        assertThat(TrainingObjective.difference(silent, said("sample"), false)).isPresent();
        assertThat(TrainingObjective.difference(silent, said("sample"), true)).isPresent();
    }
}
