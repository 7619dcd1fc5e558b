package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.eval.ScoreSet;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.evaluate.JudgeSpec.Kind;
import org.diffusionsoup.workbench.evaluate.MeasureJudge.Measure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How judges are named, what they need, and what a shard's own pictures score. */
class JudgesTest {
    private static final Optional<Path> NO_QUESTIONS = Optional.empty();

    @TempDir private Path dir;

    @Test
    void everyFormIsReadAndWritten() {
        Optional<Path> q = Optional.of(Path.of("/q.json"));
        assertThat(JudgeSpec.parse("/m", NO_QUESTIONS))
                .isEqualTo(JudgeSpec.of(Kind.CLIP, Path.of("/m")));
        for (String text : List.of("clip:/m", "imagereward:/m/w.pt", "aesthetic:/m,/h")) {
            JudgeSpec spec = JudgeSpec.parse(text, NO_QUESTIONS);
            assertThat(spec.text()).isEqualTo(text);
            assertThat(JudgeSpec.parse(spec.text(), NO_QUESTIONS)).isEqualTo(spec);
            assertThat(JudgeSpec.asks(text)).isFalse();
        }
        for (String text : List.of("tifa:/v.pt", "tifa:clip:/m")) {
            assertThat(JudgeSpec.parse(text, q).text()).isEqualTo(text);
            assertThat(JudgeSpec.asks(text)).isTrue();
        }
        JudgeSpec aesthetic = JudgeSpec.parse("aesthetic:/m,n,/h", NO_QUESTIONS);
        assertThat(aesthetic.model()).isEqualTo(Path.of("/m,n"));
        assertThat(aesthetic.head()).contains(Path.of("/h"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "clip:",
                "imagereward: ",
                "aesthetic:/m",
                "aesthetic:/m,",
                "aesthetic:,h"
            })
    void formsWithoutAModelAreRefused(String text) {
        assertThatThrownBy(() -> JudgeSpec.parse(text, NO_QUESTIONS))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("The judge '" + text + "'");
    }

    @Test
    void questionsGoWithJudgesThatAsk() {
        assertThatThrownBy(() -> JudgeSpec.parse("tifa:/v", NO_QUESTIONS))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("TIFA asks questions; name their file with `questions`");
        assertThatThrownBy(() -> JudgeSpec.parse("clip:/v", Optional.of(Path.of("q"))))
                .isInstanceOf(SoupException.class)
                .hasMessage("`questions` q is for a tifa judge; this one asks none.");
    }

    @ParameterizedTest
    @CsvSource({
        "clip:none, the CLIP folder at none",
        "imagereward:none, ImageReward's weights at none",
    })
    void whatIsMissingIsNamedWithTheJudge(String judge, String what) {
        assertThatThrownBy(() -> JudgeSpec.parse(judge, NO_QUESTIONS).requireFiles("J"))
                .isInstanceOf(SoupException.class)
                .hasMessageStartingWith("Judge 'J' needs " + what + ", which does not exist");
    }

    @Test
    void aConventionIsAClipsOnly() {
        Path head = TinyModels.clip().resolve("model.safetensors");
        JudgeSpec spec =
                new JudgeSpec(
                        Kind.AESTHETIC, TinyModels.clip(), Optional.of(head), Optional.empty());
        ClipConvention other =
                List.of(ClipConvention.values()).stream()
                        .filter(c -> c != ClipConvention.RAW_COSINE)
                        .findFirst()
                        .orElseThrow();
        assertThatThrownBy(() -> spec.open(other))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("leave `convention` out");
        try (PictureScorer clip = JudgeSpec.of(Kind.CLIP, TinyModels.clip()).open(other)) {
            assertThat(clip.judge().convention()).isNotEmpty();
        }
    }

    private static double measured(Measure measure, RgbImage picture) {
        try (PictureScorer scorer = new MeasureJudge(measure).open()) {
            return scorer.score(List.of(PictureScores.picture(picture)), List.of("any"))[0];
        }
    }

    @Test
    void measuresOfPicturesWithKnownNumbers() {
        assertThat(measured(Measure.COLOUR, TinyModels.plain(5, 255, 0, 0))).isEqualTo(1);
        assertThat(measured(Measure.COLOUR, TinyModels.plain(5, 90, 90, 90))).isZero();
        assertThat(measured(Measure.COLOUR, TinyModels.plain(5, 10, 61, 30)))
                .isCloseTo(0.2, within(1e-12));
        assertThat(measured(Measure.INK, TinyModels.plain(5, 63, 63, 63))).isEqualTo(1);
        assertThat(measured(Measure.INK, TinyModels.plain(5, 0, 0, 64))).isZero();
        byte[] half = new byte[3 * 4];
        java.util.Arrays.fill(half, 0, 6, (byte) 200);
        assertThat(measured(Measure.INK, new RgbImage(2, 2, half))).isEqualTo(0.5);
    }

    @Test
    void measuresAreDifferentJudges() {
        try (PictureScorer colour = new MeasureJudge(Measure.COLOUR).open();
                PictureScorer ink = new MeasureJudge(Measure.INK).open()) {
            assertThat(colour.judge().name()).isEqualTo("measure colour");
            assertThat(colour.judge().weightsSha256()).isNotEqualTo(ink.judge().weightsSha256());
        }
    }

    /** Three pictures of one subject and one of another: two values, the first a mean of three. */
    @Test
    void aShardsPicturesAreAveragedBySubject() {
        Path tar = dir.resolve("s.tar");
        List<org.diffusionsoup.data.Sample> rows =
                List.of(
                        subject("a", "cat", 255),
                        subject("b", "dog", 51),
                        subject("c", "cat", 0),
                        subject("d", "cat", 102));
        ShardWriter.write(tar, rows);
        TellingProgress told = new TellingProgress();
        try (PictureScorer scorer = new MeasureJudge(Measure.COLOUR).open()) {
            ScoreSet set =
                    PictureScores.ofShard(scorer, Shard.open(tar), SampleInfo::caption, told);
            assertThat(set.prompts()).containsExactly("cat", "dog");
            assertThat(set.values().get(0).getFirst())
                    .isCloseTo((255 + 0 + 102) / 255.0 / 3, within(1e-12));
            assertThat(set.values().get(1).getFirst()).isCloseTo(0.2, within(1e-12));
            assertThat(set.model()).isEqualTo(PictureScores.REAL);
        }
        assertThat(told.done).containsExactly(4L);
    }

    private static org.diffusionsoup.data.Sample subject(String key, String subject, int red) {
        org.diffusionsoup.data.Sample row =
                TinyModels.row(key, key, "test", "other", TinyModels.plain(8, red, 0, 0));
        SampleInfo i = row.info();
        return new org.diffusionsoup.data.Sample(
                new SampleInfo(
                        i.key(),
                        i.caption(),
                        i.caption(),
                        "",
                        subject,
                        "test",
                        "CC0-1.0",
                        "",
                        "",
                        "other",
                        "train",
                        i.sha256()),
                row.png());
    }

    @Test
    void aModelsHashChangesWithAnyWeightAndConfigurationOnly() throws IOException {
        Path model = TinyModels.copy(TinyModels.sd15(), dir.resolve("m"));
        String hash = ModelHash.of(model);
        assertThat(hash).isEqualTo(ModelHash.of(TinyModels.sd15()));
        Files.writeString(model.resolve("loss.csv"), "1,2");
        Files.writeString(model.resolve("README.md"), "words");
        assertThat(ModelHash.of(model)).as("these are drawn without").isEqualTo(hash);
        Path config = model.resolve("scheduler/scheduler_config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replace("0.012", "0.013"));
        assertThat(ModelHash.of(model)).isNotEqualTo(hash);
        Files.writeString(config, text);
        for (String weights : List.of("unet/diffusion_pytorch_model", "text_encoder/model")) {
            Path file = model.resolve(weights + ".safetensors");
            byte[] bytes = Files.readAllBytes(file);
            TinyModels.change(file, (name, w) -> {}, java.util.Map.of("note", "mine"));
            assertThat(ModelHash.of(model)).as("the header does not count").isEqualTo(hash);
            TinyModels.change(file, (name, w) -> w[w.length - 1] += 1);
            assertThat(ModelHash.of(model)).isNotEqualTo(hash);
            Files.write(file, bytes);
        }
        Path nothing = Files.createDirectory(dir.resolve("nothing"));
        assertThatThrownBy(() -> ModelHash.of(nothing))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("holds no weights");
    }
}
