package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScoreTableTest {
    private static final Judge JUDGE = judge("a", ClipConvention.RAW_COSINE);
    private static final List<String> PROMPTS = List.of("cat", "dog", "bus", "pear");

    @Test
    void meansDifferencesAndAClearWinner() {
        ScoreSet base = scores("base", JUDGE, 0.10, 0.20, 0.30, 0.40);
        ScoreSet soup = scores("soup", JUDGE, 0.15, 0.26, 0.35, 0.46);
        ScoreTable table = ScoreTable.compare(List.of(base, soup), "base", Bootstrap.seeded(1));
        assertThat(table.rows().get(0).score().mean().estimate()).isCloseTo(0.25, within(1e-12));
        assertThat(table.rows().get(0).toBaseline()).isEmpty();
        Interval gain = table.rows().get(1).toBaseline().orElseThrow();
        assertThat(gain.estimate()).isCloseTo(0.055, within(1e-12));
        assertThat(gain.low()).isCloseTo(0.05, within(1e-12));
        assertThat(table.best()).contains("soup");
        assertThat(table.judge()).isEqualTo(JUDGE);
    }

    @Test
    void aTieHasNoWinner() {
        ScoreSet base = scores("base", JUDGE, 0.10, 0.20, 0.30, 0.40);
        ScoreSet soup = scores("soup", JUDGE, 0.20, 0.10, 0.45, 0.30);
        ScoreTable table = ScoreTable.compare(List.of(base, soup), "base", Bootstrap.seeded(1));
        assertThat(table.rows().get(1).score().isAbove(table.rows().get(0).score())).isTrue();
        assertThat(table.best()).isEmpty();
    }

    @Test
    void seedsOfAPromptAreAveragedBeforeTheIntervalIsTaken() {
        ScoreSet set =
                ScoreSet.of(
                        "m", JUDGE, List.of("cat", "dog"), new double[][] {{0, 1, 2}, {4, 5, 6}});
        assertThat(set.perPrompt()).containsExactly(1, 5);
        Score score = set.summary(Bootstrap.seeded(1));
        assertThat(score.seeds()).isEqualTo(3);
        assertThat(score.prompts()).isEqualTo(2);
        // Two prompts: a quarter of the resamples are all 1 and a quarter all 5.
        assertThat(score.mean()).isEqualTo(new Interval(3, 1, 5, 0.95));
    }

    @Test
    void scoresOfOtherJudgesPromptsAndSeedsAreRefused() {
        ScoreSet base = scores("base", JUDGE, 1, 2, 3, 4);
        Bootstrap bootstrap = Bootstrap.seeded(1);
        ScoreSet otherScale = scores("soup", judge("a", ClipConvention.TIMES_100), 10, 20, 30, 40);
        assertThatThrownBy(() -> otherScale.minus(base, bootstrap))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("different judges")
                .hasMessageContaining("raw cosine");
        ScoreSet otherWeights = scores("soup", judge("b", ClipConvention.RAW_COSINE), 1, 2, 3, 4);
        assertThatThrownBy(() -> ScoreTable.compare(List.of(base, otherWeights), "base", bootstrap))
                .isInstanceOf(EvalException.class);
        assertThatThrownBy(() -> base.summary(bootstrap).isAbove(otherWeights.summary(bootstrap)))
                .isInstanceOf(EvalException.class);
        ScoreSet otherPrompts =
                ScoreSet.of("soup", JUDGE, List.of("x", "y"), new double[][] {{1}, {2}});
        assertThatThrownBy(() -> base.minus(otherPrompts, bootstrap))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("different prompts");
        ScoreSet moreSeeds =
                ScoreSet.of(
                        "soup", JUDGE, PROMPTS, new double[][] {{1, 1}, {2, 2}, {3, 3}, {4, 4}});
        assertThatThrownBy(() -> base.minus(moreSeeds, bootstrap))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("same seeds");
        assertThatThrownBy(() -> ScoreTable.compare(List.of(base, base), "base", bootstrap))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("Two models");
        assertThatThrownBy(() -> ScoreTable.compare(List.of(base), "paragon", bootstrap))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("'paragon'");
    }

    @Test
    void raggedOrNonFiniteScoresAreRefused() {
        assertThatThrownBy(() ->
                        ScoreSet.of("m", JUDGE, List.of("a", "b"), new double[][] {{1, 2}, {3}}))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("'b'");
        assertThatThrownBy(() -> scores("m", JUDGE, 1, 2, Double.NaN, 4))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("'bus'");
        assertThatThrownBy(() -> new Judge("clip", "abc", "raw"))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining("not a SHA-256");
    }

    @Test
    void clipConventions() {
        assertThat(ClipConvention.RAW_COSINE.apply(-0.1)).isEqualTo(-0.1);
        assertThat(ClipConvention.TIMES_100.apply(0.28)).isCloseTo(28, within(1e-12));
        assertThat(ClipConvention.TIMES_100.apply(-0.1)).isZero();
        assertThat(ClipConvention.TIMES_2_5.apply(0.28)).isCloseTo(0.7, within(1e-12));
        assertThat(ClipConvention.TIMES_2_5.apply(-0.1)).isZero();
        assertThatThrownBy(() -> ClipConvention.TIMES_100.apply(Double.NaN))
                .isInstanceOf(EvalException.class);
    }

    private static Judge judge(String digit, ClipConvention convention) {
        return new Judge("CLIP tiny", digit.repeat(64), convention.description());
    }

    private static ScoreSet scores(String model, Judge judge, double... values) {
        double[][] rows = new double[values.length][1];
        for (int i = 0; i < values.length; i++) {
            rows[i][0] = values[i];
        }
        return ScoreSet.of(model, judge, PROMPTS, rows);
    }
}
