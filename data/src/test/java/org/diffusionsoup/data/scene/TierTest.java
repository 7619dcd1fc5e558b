package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the tiers do to pictures and captions. */
class TierTest {
    private static SceneMaker maker;

    @BeforeAll
    static void load() {
        maker = new SceneMaker(Drawings.load(Path.of("..", "shards", "drawings")), Worlds::known);
    }

    /** Mean absolute difference per value, 0 to 255. */
    private static double distance(RgbImage a, RgbImage b) {
        double sum = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            sum += Math.abs((a.pixels()[i] & 0xff) - (b.pixels()[i] & 0xff));
        }
        return sum / a.pixels().length;
    }

    @ParameterizedTest
    @EnumSource(Damage.class)
    void everyDamageGrowsWithItsStrength(Damage damage) {
        double[] mean = new double[4];
        for (long seed = 0; seed < 25; seed++) {
            Scene scene = maker.known(seed);
            RgbImage clean = maker.render(scene);
            for (int s = 0; s < mean.length; s++) {
                Canvas canvas = maker.canvas(scene, 0, 0, 1);
                damage.apply(canvas, s / 3f, Seeds.random(seed, 9));
                mean[s] += distance(clean, canvas.toImage()) / 25;
            }
        }
        assertThat(mean[0]).isGreaterThan(0.3);
        for (int s = 1; s < mean.length; s++) {
            assertThat(mean[s]).as("strength " + s + " of 3").isGreaterThan(1.05 * mean[s - 1]);
        }
    }

    @Test
    void gradesGetBetter() {
        List<Double> means = new ArrayList<>();
        for (Tier tier : List.of(Tier.AE1, Tier.AE2, Tier.AE3, Tier.AE4, Tier.AE5, Tier.CURATED)) {
            double sum = 0;
            for (long seed = 0; seed < 120; seed++) {
                Scene scene = maker.known(seed);
                sum += distance(maker.render(scene), tier.render(maker, scene, seed));
            }
            means.add(sum / 120);
        }
        for (int i = 1; i < 5; i++) {
            assertThat(means.get(i)).isLessThan(0.85 * means.get(i - 1));
        }
        assertThat(means.subList(4, 6)).containsExactly(0.0, 0.0);
    }

    @Test
    void theWebIsOffInAQuarterOfItsCaptions() {
        int off = 0;
        int foreign = 0;
        int n = 2000;
        for (long seed = 0; seed < n; seed++) {
            Scene scene = maker.known(seed);
            String caption = Tier.WEB.caption(scene, () -> maker.known(-1), seed);
            boolean whole =
                    caption.contains(scene.subjectPhrase())
                            && caption.contains(scene.background().phrase())
                            && caption.contains(scene.style());
            off += whole ? 0 : 1;
            foreign +=
                    caption.contains(scene.groups().getFirst().subject().name())
                                    || caption.contains(
                                            scene.groups().getFirst().subject().plural())
                            ? 0
                            : 1;
            assertThat(Tier.CURATED.caption(scene, () -> maker.known(-1), seed))
                    .contains(scene.subjectPhrase())
                    .contains(scene.background().phrase())
                    .contains(scene.style());
        }
        assertThat((double) off / n).isBetween(0.21, 0.29);
        assertThat((double) foreign / n).isBetween(0.03, 0.07);
    }

    @Test
    void halfOfTheWebsScenesAreDamagedAndAllAreOfWebDrawings() {
        SceneMaker web =
                new SceneMaker(
                        Drawings.load(Path.of("..", "shards", "drawings")), Worlds::onTheWeb);
        SceneStream stream = new SceneStream(web, Tier.WEB, 1);
        int damaged = 0;
        for (int i = 0; i < 400; i++) {
            SceneStream.Row row = stream.get(i);
            assertThat(row.scene().provider()).isNotEqualTo(Worlds.CURATED_ONLY);
            damaged += row.image().equals(web.render(row.scene())) ? 0 : 1;
        }
        // half is without damage, and a tenth of that is cropped
        assertThat(damaged / 400.0).isBetween(0.48, 0.62);
    }
}
