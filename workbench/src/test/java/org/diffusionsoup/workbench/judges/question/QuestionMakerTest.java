package org.diffusionsoup.workbench.judges.question;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Drawings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class QuestionMakerTest {
    @TempDir private Path dir;

    @Test
    void sameRowsGiveTheSameBytes() throws IOException {
        Shard shard = Drawings.shard(dir);
        Path a = dir.resolve("a.json");
        Path b = dir.resolve("b.json");
        QuestionFile.write(QuestionMaker.of(shard, Progress.silent()), a);
        QuestionFile.write(QuestionMaker.of(shard, Progress.silent()), b);
        assertThat(a).hasSameBinaryContentAs(b);
        JsonNode json = new ObjectMapper().readTree(Files.readString(a));
        assertThat(json.size()).isGreaterThan(24 * 5);
        for (JsonNode q : json) {
            assertThat(q.fieldNames())
                    .toIterable()
                    .containsExactly(
                            "id", "caption", "question", "choices", "answer", "element_type");
        }
    }

    @Test
    void everyYesHasItsNo() {
        List<JudgeQuestion> all = QuestionMaker.of(Drawings.shard(dir), Progress.silent());
        Map<String, Map<String, Long>> answers =
                all.stream()
                        .filter(JudgeQuestion::isYesNo)
                        .collect(
                                Collectors.groupingBy(
                                        JudgeQuestion::id,
                                        Collectors.groupingBy(
                                                JudgeQuestion::answer, Collectors.counting())));
        assertThat(answers).hasSize(24);
        answers.forEach((id, n) -> assertThat(n.get("yes")).as(id).isEqualTo(n.get("no")));
    }

    @Test
    void colourQuestionsAreTrueOfThePicture() {
        Shard shard = Drawings.shard(dir);
        Map<String, MeasuredColours> measured =
                shard.stream()
                        .collect(Collectors.toMap(Sample::key, s -> MeasuredColours.of(s.image())));
        int asked = 0;
        for (JudgeQuestion q : QuestionMaker.of(shard, Progress.silent())) {
            if (!q.elementType().equals("color")) {
                continue;
            }
            asked++;
            String expected = q.caption().split(" ")[1];
            if (q.question().equals("what is the main color?")) {
                assertThat(q.answer()).isEqualTo(expected);
            } else {
                String word = q.question().replaceAll("is there (.*) in the picture\\?", "$1");
                MeasuredColours colours = measured.get(q.id());
                assertThat(colours).isNotNull();
                double share =
                        colours.share(Colour.valueOf(word.toUpperCase(java.util.Locale.ROOT)));
                assertThat(share > 0.1).as(q.toString()).isEqualTo(q.answer().equals("yes"));
            }
        }
        assertThat(asked).isGreaterThanOrEqualTo(24 * 2);
    }

    @Test
    void theGroundIsNoColourButWhiteInsideIs() {
        assertThat(MeasuredColours.of(Drawings.image(0, false, false)).shares())
                .containsOnlyKeys(Colour.RED);
        RgbImage ring = Drawings.image(2, true, false);
        byte[] p = ring.pixels().clone();
        for (int i = 0; i < 3 * 4; i++) {
            p[3 * (14 * 32 + 12) + i] = (byte) 255;
        }
        MeasuredColours holed = MeasuredColours.of(new RgbImage(32, 32, p));
        assertThat(holed.share(Colour.WHITE)).isBetween(0.005, 0.05);
        assertThat(holed.share(Colour.BLUE) + holed.share(Colour.WHITE)).isEqualTo(1);
        byte[] blank = new byte[3 * 32 * 32];
        java.util.Arrays.fill(blank, (byte) 255);
        assertThat(MeasuredColours.of(new RgbImage(32, 32, blank)).shares()).isEmpty();
    }

    @Test
    void coloursHaveTheNamesPeopleGiveThem() {
        assertThat(Colour.of(255, 0, 0)).isEqualTo(Colour.RED);
        assertThat(Colour.of(255, 140, 0)).isEqualTo(Colour.ORANGE);
        assertThat(Colour.of(250, 210, 60)).isEqualTo(Colour.YELLOW);
        assertThat(Colour.of(30, 160, 60)).isEqualTo(Colour.GREEN);
        assertThat(Colour.of(30, 100, 230)).isEqualTo(Colour.BLUE);
        assertThat(Colour.of(130, 50, 200)).isEqualTo(Colour.PURPLE);
        assertThat(Colour.of(255, 150, 180)).isEqualTo(Colour.PINK);
        assertThat(Colour.of(120, 75, 40)).isEqualTo(Colour.BROWN);
        assertThat(Colour.of(10, 10, 10)).isEqualTo(Colour.BLACK);
        assertThat(Colour.of(128, 128, 128)).isEqualTo(Colour.GREY);
        assertThat(Colour.of(250, 250, 250)).isEqualTo(Colour.WHITE);
    }

    /** On the embedded pictures: what a judge that never looks could know from the question. */
    @Test
    void questionsHardlyGiveTheirAnswersAway() {
        Shard shard = ShardRef.parse("../shards/emoji#provider=noto").open();
        List<JudgeQuestion> all = QuestionMaker.of(shard, Progress.silent());
        assertThat(all.size()).isGreaterThan(8 * shard.size() / 2);
        Map<String, Map<String, Long>> byQuestion =
                all.stream()
                        .filter(q -> QuestionMaker.kind(q).equals("kind of thing, yes or no"))
                        .collect(
                                Collectors.groupingBy(
                                        JudgeQuestion::question,
                                        Collectors.groupingBy(
                                                JudgeQuestion::answer, Collectors.counting())));
        assertThat(byQuestion).hasSize(Category.values().length);
        byQuestion.forEach((question, n) -> {
            double yes = n.getOrDefault("yes", 0L);
            double no = n.getOrDefault("no", 0L);
            assertThat(yes / (yes + no)).as(question).isBetween(0.3, 0.7);
        });
    }

    @Test
    void aQuestionNeedsItsAnswerAmongDifferentChoices() {
        assertThatThrownBy(() ->
                        new JudgeQuestion("a", "b", "what?", List.of("x", "y"), "z", "object"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'z'");
        assertThatThrownBy(() ->
                        new JudgeQuestion("a", "b", "what?", List.of("x", "x"), "x", "object"))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
