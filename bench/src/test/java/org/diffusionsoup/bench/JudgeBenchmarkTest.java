package org.diffusionsoup.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.evaluate.JudgeSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JudgeBenchmarkTest {
    private static final JudgeSpec CLIP =
            JudgeSpec.of(JudgeSpec.Kind.CLIP, Path.of("../models/emoji-clip"));

    /** One call holds 32. */
    @ParameterizedTest
    @ValueSource(ints = {1, 16, 32, 40})
    void asManyPicturesAreScoredAsAreAskedFor(int pictures) {
        JudgeBenchmark.Result r =
                JudgeBenchmark.run(
                                new JudgeBenchmark.Request(List.of(CLIP), pictures, 16),
                                Progress.silent())
                        .getFirst();
        assertThat(r.pictures()).isEqualTo(pictures);
        assertThat(r.picturesPerSecond()).isPositive();
        assertThat(r.memory().isPresent()).isEqualTo(r.startMiB().isPresent());
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThatThrownBy(() -> new JudgeBenchmark.Request(List.of(), 1, 1))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("`judge` is missing");
        assertThatThrownBy(() -> new JudgeBenchmark.Request(List.of(CLIP), 0, 1))
                .hasMessage("`pictures` must be at least 1, not 0.");
        assertThatThrownBy(() -> new JudgeBenchmark.Request(List.of(CLIP), 1, 0))
                .hasMessage("`size` must be at least 1 pixel, not 0.");
    }
}
