package org.diffusionsoup.workbench.judges.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.SplittableRandom;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.judges.Drawings;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PreferencePairsTest {
    @TempDir private Path dir;

    @Test
    void pairsOfARowAreAlwaysTheSame() {
        TrainingRows rows = new TrainingRows(Drawings.shard(dir), 40, Progress.silent());
        PreferencePairs a = new PreferencePairs(rows);
        PreferencePairs b =
                new PreferencePairs(new TrainingRows(Drawings.shard(dir), 40, Progress.silent()));
        for (TrainingRows.Row row : rows.rows()) {
            for (Degradation d : Degradation.values()) {
                if (a.has(row, d)) {
                    assertThat(a.of(row, d)).isEqualTo(b.of(row, d));
                }
            }
        }
    }

    @Test
    void onlyWhatTheKindSaysIsWorse() {
        TrainingRows rows = new TrainingRows(Drawings.shard(dir), 40, Progress.silent());
        PreferencePairs pairs = new PreferencePairs(rows);
        for (TrainingRows.Row row : rows.rows()) {
            PreferencePair wrong = pairs.of(row, Degradation.WRONG_CAPTION);
            assertThat(wrong.worse()).isEqualTo(wrong.better()).isEqualTo(row.image());
            assertThat(wrong.worseText())
                    .startsWith(row.info().style())
                    .isNotEqualTo(wrong.betterText());
            for (Degradation d : Degradation.values()) {
                if (d.isOnPixels() && pairs.has(row, d)) {
                    PreferencePair p = pairs.of(row, d);
                    assertThat(p.betterText()).isEqualTo(p.worseText());
                    assertThat(p.worse()).as(d.words()).isNotEqualTo(p.better());
                    assertThat(p.level()).isBetween(PreferencePairs.LOWEST, 1.0);
                }
            }
        }
        assertThat(pairs.has(rows.rows().getFirst(), Degradation.PARTIAL_DENOISING)).isFalse();
    }

    @Test
    void blackDrawingsHaveNoHueToTurn() {
        TrainingRows rows = new TrainingRows(Drawings.shard(dir), 40, Progress.silent());
        PreferencePairs pairs = new PreferencePairs(rows);
        for (TrainingRows.Row row : rows.rows()) {
            assertThat(pairs.has(row, Degradation.COLOUR_SHIFT))
                    .as(row.info().key())
                    .isEqualTo(!row.info().name().startsWith("black"));
        }
    }

    @Test
    void damageGrowsWithItsLevel() {
        RgbImage image = Drawings.image(0, true, true);
        for (Degradation d : Degradation.values()) {
            if (!d.isOnPixels()) {
                continue;
            }
            assertThat(d.apply(image, 0, new SplittableRandom(1))).isEqualTo(image);
            double before = 0;
            for (double level : new double[] {0.2, 0.5, 1}) {
                double difference =
                        difference(image, d.apply(image, level, new SplittableRandom(1)));
                assertThat(difference).as(d + " at " + level).isGreaterThan(before);
                before = difference;
            }
        }
    }

    @Test
    void ofTwoDamagedPicturesOneIsClearlyWorse() {
        TrainingRows rows = new TrainingRows(Drawings.shard(dir), 40, Progress.silent());
        PreferencePairs pairs = new PreferencePairs(rows);
        TrainingRows.Row row = rows.rows().getFirst();
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 50; i++) {
            PreferencePair p = pairs.twoLevels(row, Degradation.NOISE, SampleInfo::caption, random);
            assertThat(p.level()).isBetween(0.25, 1.0);
            assertThat(difference(row.image(), p.worse()))
                    .isGreaterThan(difference(row.image(), p.better()));
            assertThat(p.betterText()).isEqualTo(row.info().caption()).isEqualTo(p.worseText());
        }
    }

    private static double difference(RgbImage a, RgbImage b) {
        double sum = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            double d = (a.pixels()[i] & 255) - (b.pixels()[i] & 255);
            sum += d * d;
        }
        return sum / a.pixels().length;
    }
}
