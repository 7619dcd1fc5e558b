package org.diffusionsoup.workbench.curate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.data.ShardScan;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.data.curate.NearDuplicates;
import org.diffusionsoup.data.curate.TopK;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Judge;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.image.Picture;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.TellingProgress;
import org.diffusionsoup.workbench.TinyModels;
import org.diffusionsoup.workbench.curate.ShardSplit.By;
import org.diffusionsoup.workbench.evaluate.PictureScores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards made of larger ones: every way on rows whose scores and doubles are known. */
class CurateTest {
    @TempDir private Path dir;

    /** The mean of a picture's red channel, or the length of its caption. */
    private record Plain(boolean red) implements PictureScorer {
        @Override
        public Judge judge() {
            return new Judge("plain " + red, "0".repeat(64), "a number");
        }

        @Override
        public double[] score(List<Picture> pictures, List<String> captions) {
            double[] scores = new double[pictures.size()];
            Arrays.setAll(
                    scores,
                    i ->
                            red
                                    ? pictures.get(i).toRgb().samples()[0] & 255
                                    : captions.get(i).length());
            return scores;
        }

        @Override
        public void close() {}
    }

    private static final PictureScorer RED = new Plain(true);
    private static final PictureScorer LENGTH = new Plain(false);

    /** Noise, so that no two are alike, whose first pixel says the score. */
    private static RgbImage scored(int score, long noise) {
        RgbImage picture = TinyModels.noise(32, noise);
        picture.pixels()[0] = (byte) score;
        return picture;
    }

    private ShardScan scan(String name, List<Sample> rows) {
        Path tar = dir.resolve(name + ".tar");
        ShardWriter.write(tar, rows);
        return ShardScan.of(ShardRef.parse(tar.toString()));
    }

    /** 150 rows, more than two batches of 64, with scores by lot. */
    private ShardScan many(int[] scores) {
        Random random = new Random(4);
        List<Sample> rows = new ArrayList<>();
        for (int i = 0; i < scores.length; i++) {
            scores[i] = random.nextInt(256);
            rows.add(
                    TinyModels.row(
                            "row%03d".formatted(i),
                            "x".repeat(1 + i % 7),
                            "p" + i % 3,
                            i % 2 == 0 ? "even" : "odd/uneven",
                            i % 10 == 9 ? "heldout" : "train",
                            scored(scores[i], i)));
        }
        return scan("many", rows);
    }

    private static List<String> keys(Path tar) {
        return Shard.open(tar).infos().stream().map(SampleInfo::key).toList();
    }

    private static int number(String key) {
        return Integer.parseInt(key.substring(3));
    }

    @Test
    void aFilterKeepsTheRowsThatReachEveryCriterion() {
        int[] scores = new int[150];
        ShardScan scan = many(scores);
        Path out = dir.resolve("out.tar");
        TellingProgress told = new TellingProgress();
        ScoreFilter filter =
                ScoreFilter.run(
                        scan,
                        List.of(
                                new ScoreFilter.Criterion(RED, 100),
                                new ScoreFilter.Criterion(LENGTH, 3)),
                        out,
                        told);
        List<String> expected = new ArrayList<>();
        double red = 0;
        for (int i = 0; i < 150; i++) {
            red += scores[i] / 150.0;
            if (scores[i] >= 100 && 1 + i % 7 >= 3) {
                expected.add("row%03d".formatted(i));
            }
        }
        assertThat(keys(out)).isEqualTo(expected);
        assertThat(filter.rows()).isEqualTo(150);
        assertThat(filter.kept()).isEqualTo(expected.size());
        assertThat(filter.means().getFirst()).isCloseTo(red, within(1e-9));
        assertThat(filter.judges()).containsExactly(RED.judge(), LENGTH.judge());
        assertThat(told.totals.get(told.tasks.indexOf("score many"))).isEqualTo(150);
        assertThat(told.done.get(told.tasks.indexOf("score many"))).isEqualTo(150);
    }

    @Test
    void aFilterThatKeepsNothingWritesNothing() {
        ShardScan scan = many(new int[20]);
        Path out = dir.resolve("out.tar");
        assertThatThrownBy(() ->
                        ScoreFilter.run(
                                scan,
                                List.of(new ScoreFilter.Criterion(RED, 256)),
                                out,
                                Progress.silent()))
                .isInstanceOf(SoupException.class)
                .hasMessageMatching(
                        "No row of 20 in .* passes; the mean score is \\d+\\.\\d{4}\\.");
        assertThat(out).doesNotExist();
    }

    private static ShardSplit split(ShardScan scan, By by, boolean disjoint, Path out) {
        return ShardSplit.run(scan, by, disjoint, out, false, Progress.silent());
    }

    @Test
    void quantilesAreTheRowsByFallingScore() {
        int[] scores = new int[150];
        ShardScan scan = many(scores);
        ShardSplit split = split(scan, new By.Score(RED, 4, "AE"), false, dir.resolve("parts"));
        Integer[] order = new Integer[150];
        Arrays.setAll(order, i -> i);
        Arrays.sort(
                order, Comparator.comparingInt((Integer i) -> -scores[i]).thenComparing(i -> i));
        int at = 0;
        for (int p = 0; p < 4; p++) {
            ShardSplit.Part part = split.shards().get(p);
            int size = 150 / 4 + (p < 150 % 4 ? 1 : 0);
            assertThat(part.name()).isEqualTo("AE" + (p + 1));
            assertThat(part.rows()).isEqualTo(size);
            assertThat(keys(part.file()).stream().map(CurateTest::number))
                    .containsExactlyInAnyOrder(Arrays.copyOfRange(order, at, at + size));
            assertThat(part.highest()).isEqualTo(scores[order[at]] + ".0");
            assertThat(part.lowest()).isEqualTo(scores[order[at + size - 1]] + ".0");
            at += size;
        }
        assertThat(split.moved()).isZero();
    }

    @Test
    void aLotIsEvenAndDependsOnItsSeedAlone() {
        ShardScan scan = many(new int[50]);
        ShardSplit one = split(scan, new By.Lot(3, 7), false, dir.resolve("a"));
        assertThat(one.shards()).extracting(ShardSplit.Part::rows).containsExactly(17, 17, 16);
        assertThat(one.shards())
                .extracting(ShardSplit.Part::name)
                .containsExactly("random1", "random2", "random3");
        List<String> all = new ArrayList<>();
        one.shards().forEach(p -> all.addAll(keys(p.file())));
        assertThat(all).hasSize(50).doesNotHaveDuplicates();
        ShardSplit again = split(scan, new By.Lot(3, 7), false, dir.resolve("b"));
        ShardSplit other = split(scan, new By.Lot(3, 8), false, dir.resolve("c"));
        assertThat(keys(again.shards().getFirst().file()))
                .isEqualTo(keys(one.shards().getFirst().file()));
        assertThat(keys(other.shards().getFirst().file()))
                .isNotEqualTo(keys(one.shards().getFirst().file()));
    }

    @Test
    void aFieldsValuesBecomeFileNames() {
        ShardSplit split =
                split(many(new int[30]), new By.Field("domain"), false, dir.resolve("d"));
        assertThat(split.shards())
                .extracting(ShardSplit.Part::name)
                .containsExactly("even", "odd-uneven");
        assertThat(keys(split.shards().get(1).file()))
                .allMatch(k -> number(k) % 2 == 1)
                .hasSize(15);
        ShardScan same =
                scan(
                        "same",
                        List.of(
                                TinyModels.row("a", "a", "p", "x/y", TinyModels.noise(8, 1)),
                                TinyModels.row("b", "b", "p", "x y", TinyModels.noise(8, 2))));
        assertThatThrownBy(() -> split(same, new By.Field("domain"), false, dir.resolve("e")))
                .isInstanceOf(SoupException.class)
                .hasMessage("values of domain make the same file names: [x/y, x y].");
    }

    /** Four pictures, of which the second and the last are the same. */
    private ShardScan doubles() {
        List<Sample> rows = new ArrayList<>();
        int[] noise = {1, 2, 3, 2};
        for (int i = 0; i < 4; i++) {
            rows.add(
                    TinyModels.row(
                            "row" + i,
                            "c",
                            "p",
                            i < 2 ? "first" : "second",
                            large(noise[i], 250 - 60 * i)));
        }
        return scan("doubles", rows);
    }

    /** Four large squares of colour, so that a shape is seen whatever the first pixel is. */
    private static RgbImage large(long seed, int score) {
        Random random = new Random(seed);
        RgbImage picture = TinyModels.plain(64, 255, 255, 255);
        for (int block = 0; block < 16; block++) {
            int[] colour = {random.nextInt(256), random.nextInt(256), random.nextInt(256)};
            for (int y = 0; y < 16; y++) {
                for (int x = 0; x < 16; x++) {
                    for (int c = 0; c < 3; c++) {
                        int at = (16 * (block / 4) + y) * 64 + 16 * (block % 4) + x;
                        picture.pixels()[3 * at + c] = (byte) colour[c];
                    }
                }
            }
        }
        picture.pixels()[0] = (byte) score;
        return picture;
    }

    @Test
    void nearDoublesStayTogetherWhereShardsAreDisjoint() {
        ShardSplit apart = split(doubles(), new By.Score(RED, 2, "q"), false, dir.resolve("a"));
        assertThat(keys(apart.shards().get(0).file())).containsExactly("row0", "row1");
        ShardSplit together = split(doubles(), new By.Score(RED, 2, "q"), true, dir.resolve("b"));
        assertThat(keys(together.shards().get(0).file())).containsExactly("row0", "row1", "row3");
        assertThat(together.moved()).isEqualTo(1);
        assertThat(together.leftOut()).isZero();
        ShardSplit field = split(doubles(), new By.Field("domain"), true, dir.resolve("c"));
        assertThat(keys(field.shards().get(1).file())).containsExactly("row2");
        assertThat(field.leftOut()).isEqualTo(1);
    }

    @Test
    void laterDoublesAreLeftOutAndTheEarlierRowsStay() throws IOException {
        Path out = dir.resolve("out");
        List<ShardScan> shards =
                List.of(
                        doubles(),
                        scan(
                                "other",
                                List.of(
                                        TinyModels.row("x", "c", "p", "d", large(3, 100)),
                                        TinyModels.row("y", "c", "p", "d", large(9, 100)))));
        Dedup dedup =
                Dedup.run(
                        shards,
                        NearDuplicates.Options.DEFAULT,
                        Optional.empty(),
                        Optional.of(out),
                        false,
                        Progress.silent());
        assertThat(dedup.superfluous()).isEqualTo(2);
        assertThat(dedup.written())
                .containsExactly(out.resolve("doubles.tar"), out.resolve("other.tar"));
        assertThat(keys(out.resolve("doubles.tar"))).containsExactly("row0", "row1", "row2");
        assertThat(keys(out.resolve("other.tar"))).containsExactly("y");
        Path page = dir.resolve("pairs.html");
        DedupPage.write(page, shards, NearDuplicates.Options.DEFAULT, false, dedup.found());
        assertThat(Files.readString(page))
                .contains("row1 · row3", "row2 · x", "embeddings were not compared")
                .doesNotContain("There are none.");
    }

    @Test
    void shardsOfOneNameAndExistingFoldersAreRefused() {
        ShardScan scan = doubles();
        assertThatThrownBy(() ->
                        Dedup.run(
                                List.of(scan, scan),
                                NearDuplicates.Options.DEFAULT,
                                Optional.empty(),
                                Optional.empty(),
                                false,
                                Progress.silent()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("Shards 1 and 2 are both called 'doubles'");
        Path out = dir.resolve("out");
        split(scan, new By.Lot(2, 1), false, out);
        var files = TinyModels.contents(out);
        assertThatThrownBy(() -> split(scan, new By.Lot(4, 1), false, out))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(out.toString());
        assertThat(TinyModels.contents(out)).isEqualTo(files);
    }

    /** The paper's top K by CLIP, against cosines that are computed one by one. */
    @Test
    void retrievalTakesTheClosestToAnyPromptInTheSourcesOrder() {
        ShardScan scan = many(new int[70]);
        List<String> prompts = List.of("a red cat", "two boats");
        Path out = dir.resolve("best.tar");
        try (ClipJudge clip = ClipJudge.load(TinyModels.clip(), ClipConvention.RAW_COSINE)) {
            Retrieval found = Retrieval.run(clip, scan, prompts, 9, out, Progress.silent());
            double[][] texts = clip.embedTexts(prompts);
            Shard all = Shard.open(dir.resolve("many.tar"));
            double[] best = new double[70];
            for (int i = 0; i < 70; i++) {
                double[] picture =
                        clip.embedPictures(List.of(PictureScores.picture(all.get(i).image())))[0];
                best[i] = Math.max(dot(picture, texts[0]), dot(picture, texts[1]));
            }
            double least = Arrays.stream(best).sorted().skip(70 - 9).findFirst().orElseThrow();
            assertThat(found.rows()).isEqualTo(70);
            assertThat(found.best())
                    .hasSize(9)
                    .isSortedAccordingTo(Comparator.comparingDouble(r -> -r.score()));
            for (TopK.Ranked r : found.best()) {
                assertThat(r.score()).isCloseTo(best[r.row()], within(1e-5));
                assertThat(best[r.row()]).isGreaterThan(least - 1e-5);
            }
            assertThat(keys(out))
                    .isSorted()
                    .containsExactlyInAnyOrderElementsOf(
                            found.best().stream().map(TopK.Ranked::key).toList());
            assertThat(found.heldOut())
                    .isEqualTo(
                            (int)
                                    found.best().stream()
                                            .filter(r -> number(r.key()) % 10 == 9)
                                            .count());
            assertThatThrownBy(
                            () -> Retrieval.run(clip, scan, List.of(), 9, out, Progress.silent()))
                    .isInstanceOf(SoupException.class)
                    .hasMessage("Retrieval needs a `prompt`.");
            assertThatThrownBy(() ->
                            Retrieval.run(
                                    clip, scan, List.of("cat", " "), 9, out, Progress.silent()))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("`prompt` is empty");
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
