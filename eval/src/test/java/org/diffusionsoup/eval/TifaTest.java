package org.diffusionsoup.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TIFA's file format and its means, with an answerer whose answers are known. */
class TifaTest {
    private static final String ONE =
            """
            {"id": "%s", "caption": "%s", "question": "%s", "choices": ["yes", "no"],
             "answer": "yes", "element_type": "%s", "element": "x", "coco_val_id": "380711"}\
            """;

    /** Answers the first choice about red pictures, the last one about all others. */
    private static final class ByRed implements QuestionAnswerer {
        @Override
        public Judge judge() {
            return new Judge("by red", "0".repeat(64), "red or not");
        }

        @Override
        public int[][] answer(List<Picture> pictures, List<TifaQuestion> questions) {
            int[][] out = new int[pictures.size()][questions.size()];
            for (int p = 0; p < out.length; p++) {
                boolean red = pictures.get(p).samples()[0] != 0;
                for (int q = 0; q < out[p].length; q++) {
                    boolean first = red || questions.get(q).question().equals("always?");
                    out[p][q] = first ? 0 : questions.get(q).choices().size() - 1;
                }
            }
            return out;
        }

        @Override
        public void close() {}
    }

    private static final Picture RED = Picture.rgb(1, 1, new byte[] {-1, 0, 0});
    private static final Picture BLUE = Picture.rgb(1, 1, new byte[] {0, 0, -1});

    @TempDir private Path dir;

    private Path file(String... rows) throws IOException {
        return Files.writeString(
                dir.resolve("questions.json"), "[" + String.join(",\n", rows) + "]");
    }

    private TifaJudge judge() throws IOException {
        return new TifaJudge(
                new ByRed(),
                TifaQuestions.read(
                        file(
                                ONE.formatted("1", "a red dog", "red?", "color"),
                                ONE.formatted("1", "a red dog", "a dog?", "animal/human"),
                                ONE.formatted("1", "a red dog", "always?", "animal/human"),
                                ONE.formatted("2", "a blue cat", "a cat?", "animal/human"))));
    }

    @Test
    void meanOverQuestionsThenOverCaptionsAndAccuracyOverQuestions() throws IOException {
        try (TifaJudge judge = judge()) {
            assertThat(judge.captions()).containsExactly("a red dog", "a blue cat");
            ScoreSet set =
                    judge.score(
                            "m", judge.captions(), List.of(List.of(BLUE, RED), List.of(RED, BLUE)));
            assertThat(set.values().get(0)).containsExactly(1.0 / 3, 1.0);
            assertThat(set.values().get(1)).containsExactly(1.0, 0.0);
            // Captions weigh the same, however many questions each has.
            assertThat(set.summary(Bootstrap.seeded(0)).mean().estimate())
                    .isEqualTo((2.0 / 3 + 0.5) / 2);
            var byType = judge.takeAccuracyByType();
            assertThat(byType).containsOnlyKeys("animal/human", "color");
            assertThat(byType.get("color")).isEqualTo(new Proportion(1, 2));
            assertThat(byType.get("animal/human")).isEqualTo(new Proportion(4, 6));
            assertThat(judge.takeAccuracyByType()).isEmpty();
        }
    }

    @Test
    void aCaptionWithoutQuestionsIsRefused() throws IOException {
        try (TifaJudge judge = judge()) {
            assertThatThrownBy(() -> judge.score(List.of(RED), List.of("a horse")))
                    .isInstanceOf(EvalException.class)
                    .hasMessageContaining("questions.json has no question about 'a horse'");
        }
    }

    @Test
    void scoresByOtherQuestionsAreNotCompared() throws IOException {
        Judge first = judge().judge();
        Path other = file(ONE.formatted("1", "a red dog", "red?", "color"));
        Judge second = new TifaJudge(new ByRed(), TifaQuestions.read(other)).judge();
        assertThat(first.name()).isEqualTo(second.name());
        assertThatThrownBy(() -> first.requireSame(second)).isInstanceOf(EvalException.class);
    }

    @Test
    void aMalformedFileIsNamedWithItsRow() throws IOException {
        String good = ONE.formatted("1", "c", "q?", "color");
        refused(
                "questions.json, question 2 of 2: 'answer' is missing",
                good,
                good.replace("\"answer\": \"yes\",", ""));
        refused(
                "question 1 of 1: the answer 'maybe' is not among the choices [yes, no]",
                good.replace("\"answer\": \"yes\"", "\"answer\": \"maybe\""));
        refused("question 1 of 1: a choice comes twice", good.replace("\"no\"", "\"yes\""));
        refused("it has 1 choices where at least 2", good.replace(", \"no\"", ""));
        refused("'choices' must be a list", good.replace("[\"yes\", \"no\"]", "\"yes, no\""));
        refused("'choices' must hold texts, not 3", good.replace("\"no\"", "3"));
        refused("'question' must be a text, not null", good.replace("\"q?\"", "null"));
        refused(
                "caption, question and element_type must not be blank",
                ONE.formatted("1", "", "q?", "color"));
        refused("question 2 of 2: it is no JSON object", good, "7");
        refused("questions.json is not valid JSON at line 1", "{");
        refused("holds no question");
        Files.writeString(dir.resolve("questions.json"), "{}");
        assertThatThrownBy(() -> TifaQuestions.read(dir.resolve("questions.json")))
                .hasMessageContaining("must hold one JSON list");
    }

    private void refused(String message, String... rows) throws IOException {
        Path file = file(rows);
        assertThatThrownBy(() -> TifaQuestions.read(file))
                .isInstanceOf(EvalException.class)
                .hasMessageContaining(message);
    }

    @Test
    void numbersAreIdsToo() throws IOException {
        Path file = file(ONE.formatted("1", "c", "q?", "color").replace("\"1\"", "1"));
        assertThat(TifaQuestions.read(file).questions().getFirst().id()).isEqualTo("1");
    }
}
