package org.diffusionsoup.workbench.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardRef;
import org.diffusionsoup.eval.PictureScorer;
import org.diffusionsoup.image.Picture;
import org.junit.jupiter.api.Test;

/** Originals are no distance from themselves, and copies; others are neither. */
class LikenessJudgeTest {
    private static final Path PROJECT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();
    private static final Path CLIP = PROJECT.resolve("models/judge-clip");

    private static String shard(String view) {
        return PROJECT.resolve("shards/emoji") + "#" + view;
    }

    private static double[] scores(LikenessJudge judge, String view) {
        Shard shard = ShardRef.parse(shard(view)).open();
        List<Picture> pictures = PictureScores.pictures(shard, 0, shard.size());
        try (PictureScorer scorer = judge.open()) {
            return scorer.score(pictures, Collections.nCopies(pictures.size(), "anything"));
        }
    }

    private static final String ORIGINALS = "provider=noto&domain=electronics";

    @Test
    void distancesAreThoseToTheClosestOriginal() {
        LikenessJudge judge = new LikenessJudge(CLIP, shard(ORIGINALS), Optional.empty(), 0.01);
        for (double own : scores(judge, ORIGINALS)) {
            assertThat(own).isCloseTo(0, within(1e-6));
        }
        double others =
                Arrays.stream(scores(judge, "provider=noto&domain=food")).average().orElseThrow();
        assertThat(others).isBetween(0.05, 1.5);
    }

    @Test
    void nearCopiesAreCountedByChanceOfTheReference() {
        LikenessJudge judge =
                new LikenessJudge(
                        CLIP,
                        shard(ORIGINALS),
                        Optional.of(shard("provider=noto&domain=food")),
                        0.05);
        assertThat(scores(judge, ORIGINALS)).containsOnly(1);
        double[] others = scores(judge, "provider=noto&domain=food");
        long most = (long) Math.floor(0.05 * others.length);
        assertThat(Arrays.stream(others).filter(s -> s == 1).count()).isBetween(1L, most);
    }

    /** The threshold is what real strangers keep; near-doubles of the originals would lower it. */
    @Test
    void originalsAmongTheReferenceDoNotMoveTheThreshold() {
        LikenessJudge alone =
                new LikenessJudge(
                        CLIP,
                        shard(ORIGINALS),
                        Optional.of(shard("provider=noto&domain=food")),
                        0.05);
        LikenessJudge mixed =
                new LikenessJudge(
                        CLIP,
                        shard(ORIGINALS),
                        Optional.of(shard("provider=noto&domain=food,electronics")),
                        0.05);
        try (PictureScorer a = alone.open();
                PictureScorer b = mixed.open()) {
            assertThat(b.judge().convention()).isEqualTo(a.judge().convention());
        }
    }

    @Test
    void aReferenceOfTheOriginalsThemselvesIsRefused() {
        LikenessJudge judge =
                new LikenessJudge(CLIP, shard(ORIGINALS), Optional.of(shard(ORIGINALS)), 0.05);
        assertThatThrownBy(judge::open)
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("the protected pictures themselves");
    }
}
