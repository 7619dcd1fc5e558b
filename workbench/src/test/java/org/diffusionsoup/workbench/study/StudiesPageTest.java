package org.diffusionsoup.workbench.study;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.diffusionsoup.eval.Interval;
import org.junit.jupiter.api.Test;

/** What docs/studies.md says of Fig. 7 is what docs/results/fig7.json holds. */
class StudiesPageTest {
    private static final Path DOCS = Path.of("..", "docs");
    private static final int[] STEPS = {50, 100, 200, 400, 800};

    private final StudyResults fig7 = StudyResults.read(DOCS.resolve("results/fig7.json"));

    private Interval soupLess(String judge, String model, int steps) {
        String at = ", " + steps + " steps";
        return fig7.difference(judge, "soup" + at, model + at);
    }

    private String said(String judge, String model, int steps) {
        Interval d = soupLess(judge, model, steps);
        return String.format(Locale.ROOT, "%+.3f [%.3f, %.3f]", d.estimate(), d.low(), d.high())
                .replace('-', '−');
    }

    @Test
    void differencesAreThoseOfTheResults() throws IOException {
        assertThat(Files.readString(DOCS.resolve("studies.md")).replaceAll("\\s+", " "))
                .contains(
                        said("TIFA", "paragon", 400),
                        said("CLIP", "paragon", 400),
                        said("TIFA", "paragon x4", 400),
                        said("CLIP", "paragon x4", 400),
                        said("TIFA", "paragon", 50),
                        said("CLIP", "paragon", 50),
                        said("reward", "paragon", 50),
                        said("reward", "paragon", 100),
                        said("reward", "vehicles", 400));
    }

    /** At all five by the mean, and by the interval at all but the one that is named. */
    @Test
    void byRewardTheSoupLiesBetweenTheParagonAndTheVehicles() {
        for (int steps : STEPS) {
            Interval paragon = soupLess("reward", "paragon", steps);
            assertThat(paragon.estimate()).isPositive();
            assertThat(paragon.contains(0)).isEqualTo(steps == 100);
            Interval vehicles = soupLess("reward", "vehicles", steps);
            assertThat(vehicles.estimate()).isNegative();
            assertThat(vehicles.contains(0)).isEqualTo(steps == 400);
        }
    }
}
