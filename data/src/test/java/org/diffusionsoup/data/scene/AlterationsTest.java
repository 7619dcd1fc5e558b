package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.scene.Alterations.Altered;
import org.diffusionsoup.data.scene.Alterations.Attribute;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AlterationsTest {
    private static Drawings drawings;
    private static SceneMaker maker;

    @BeforeAll
    static void load() {
        drawings = Drawings.load(Path.of("..", "shards", "drawings"));
        maker = new SceneMaker(drawings, Worlds::known);
    }

    private static Subject subject(String name) {
        return Subjects.all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    }

    private static Map<Attribute, Integer> counts(SceneTruth truth) {
        Map<Attribute, Integer> counts = new EnumMap<>(Attribute.class);
        Alterations.of(truth).forEach(a -> counts.merge(a.attribute(), 1, Integer::sum));
        return counts;
    }

    @Test
    void anAppleCanBeTakenForManyThings() {
        SceneTruth truth =
                new SceneTruth(
                        List.of(new Scene.Group(subject("apple"), Optional.of(SceneColour.RED), 1)),
                        Scene.Arrangement.MIDDLE,
                        Background.Kind.PLAIN,
                        SceneColour.WHITE,
                        "flat");
        assertThat(Captions.whole(truth)).isEqualTo("a red apple on a white background, flat");
        assertThat(counts(truth))
                .containsExactlyInAnyOrderEntriesOf(
                        Map.of(
                                Attribute.OBJECT, 80,
                                Attribute.COUNT, 2,
                                Attribute.COLOUR, 6,
                                Attribute.PLACE, 4,
                                Attribute.GROUND, 9,
                                Attribute.LAYOUT, 4,
                                Attribute.STYLE, 5));
        List<String> captions =
                Alterations.of(truth).stream().map(a -> Captions.whole(a.truth())).toList();
        assertThat(captions)
                .doesNotHaveDuplicates()
                .contains(
                        "two red apples on a white background, flat",
                        "a blue apple on a white background, flat",
                        "a red apple on the left on a white background, flat",
                        "a red apple on a black background, flat",
                        "a red apple on a white striped background, flat",
                        "a red apple on a white background, line art",
                        "a red pizza on a white background, flat")
                .noneMatch(c -> c.contains("grey background"))
                .noneMatch(c -> c.contains("octopus"));
    }

    /** An owl has eyes, a boot may have a high heel, and a left owl is an owl. */
    @Test
    void whatMayBeTrueIsNoAlteration() {
        SceneTruth truth =
                new SceneTruth(
                        List.of(new Scene.Group(subject("owl"), Optional.empty(), 1)),
                        Scene.Arrangement.LEFT,
                        Background.Kind.GRADIENT,
                        SceneColour.RED,
                        "flat");
        List<String> captions =
                Alterations.of(truth).stream().map(a -> Captions.whole(a.truth())).toList();
        assertThat(captions)
                .contains("a tooth on the left on a red gradient background, flat")
                .doesNotContain("an eye on the left on a red gradient background, flat")
                .doesNotContain("an owl on a red gradient background, flat")
                .doesNotContain("an owl on the left on a red background, flat")
                .doesNotContain("an owl on the left on a pink gradient background, flat");
        assertThat(counts(truth)).doesNotContainKeys(Attribute.COLOUR, Attribute.COUNT);
        assertThat(Alterations.absent(truth.with(0, group("boot"))))
                .doesNotContain(subject("high heel"), subject("boot"))
                .contains(subject("owl"));
    }

    private static Scene.Group group(String name) {
        return new Scene.Group(subject(name), Optional.empty(), 1);
    }

    @Test
    void everyAlterationDiffersAndOnlyKnownOnesMayBeSeen() {
        for (long seed = 0; seed < 300; seed++) {
            SceneTruth truth = maker.known(seed).truth();
            List<Altered> all = Alterations.of(truth);
            assertThat(all).doesNotHaveDuplicates().noneMatch(a -> a.truth().equals(truth));
            assertThat(Alterations.known(truth))
                    .isNotEmpty()
                    .allMatch(a -> Combinations.heldOut(a.truth()).isEmpty())
                    .isSubsetOf(all);
            SceneTruth unseen = maker.heldOut(seed).truth();
            assertThat(Alterations.addsNoHeldOutPair(unseen, unseen)).isTrue();
            assertThat(Alterations.addsNoHeldOutPair(unseen, truth))
                    .isEqualTo(
                            Combinations.heldOut(truth).containsAll(Combinations.heldOut(unseen)));
        }
    }

    /** What a row says in JSON is read back as it was. */
    @Test
    void aRowsTruthIsReadBack() {
        for (Sample row :
                new SceneRows(drawings, Worlds::known, Tier.CURATED, 5)
                        .rows(40, 40, ProgressListener.NONE)) {
            SceneTruth truth = SceneTruth.parse(row.info().scene(), row.info().key());
            assertThat(row.info().caption())
                    .contains(truth.subjectPhrase(), truth.groundPhrase().substring(2))
                    .contains(truth.style());
            assertThat(Combinations.heldOut(truth).isEmpty()).isEqualTo(row.info().isTrain());
        }
        for (String bad :
                List.of(
                        "",
                        "[",
                        "{}",
                        "{\"groups\": [{\"subject\": \"unicorn\", \"count\": 1}]}")) {
            assertThatThrownBy(() -> SceneTruth.parse(bad, "row x"))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("row x");
        }
    }

    /** The same copy for the same seed, and farther from the picture the stronger it is. */
    @Test
    void aDamagedCopyGetsWorseWithItsStrength() {
        RgbImage image = maker.render(maker.known(11));
        for (Damage damage : Damage.values()) {
            assertThat(damage.of(image, 0.5f, 3)).isEqualTo(damage.of(image, 0.5f, 3));
            assertThat(off(image, damage.of(image, 1, 3)))
                    .as(damage.name())
                    .isGreaterThan(off(image, damage.of(image, 0.1f, 3)));
        }
    }

    private static double off(RgbImage a, RgbImage b) {
        double sum = 0;
        for (int i = 0; i < a.pixels().length; i++) {
            double d = (a.pixels()[i] & 255) - (b.pixels()[i] & 255);
            sum += d * d;
        }
        return sum;
    }
}
