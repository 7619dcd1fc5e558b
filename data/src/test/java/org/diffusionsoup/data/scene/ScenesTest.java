package org.diffusionsoup.data.scene;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Scenes composed from the committed drawings. */
class ScenesTest {
    private static final int MANY = 20_000;
    private static SceneMaker maker;

    @BeforeAll
    static void load() {
        maker = new SceneMaker(Drawings.load(Path.of("..", "shards", "drawings")), Worlds::known);
    }

    @Test
    void aSeedGivesOneScene() {
        for (long seed = 0; seed < 50; seed++) {
            Scene scene = maker.known(seed);
            assertThat(maker.known(seed)).isEqualTo(scene);
            assertThat(maker.render(scene)).isEqualTo(maker.render(maker.known(seed)));
        }
        Set<RgbImage> all = new HashSet<>();
        for (long seed = 0; seed < 200; seed++) {
            all.add(maker.render(maker.known(seed)));
        }
        assertThat(all).hasSize(200);
    }

    @Test
    void trainingNeverSeesAHeldOutCombination() {
        for (long seed = 0; seed < 2000; seed++) {
            assertThat(Combinations.heldOut(maker.known(seed))).isEmpty();
            assertThat(Combinations.heldOut(maker.heldOut(seed))).isNotEmpty();
        }
    }

    /** The split is by combination: nothing in a held-out scene is new by itself. */
    @Test
    void everySingleThingIsKnownToTraining() {
        Map<String, Set<String>> seen = new HashMap<>();
        Set<String> words = new HashSet<>();
        for (long seed = 0; seed < MANY; seed++) {
            Scene scene = maker.known(seed);
            words.addAll(List.of(Captions.whole(scene).replace(",", "").split(" ")));
            for (Scene.Group g : scene.groups()) {
                Set<String> of = seen.computeIfAbsent(g.subject().name(), s -> new TreeSet<>());
                of.add(scene.background().colour().word() + " background");
                g.colour().ifPresent(c -> of.add(c.word()));
                of.add("count " + g.count());
            }
        }
        for (Subject subject : Subjects.all()) {
            if (subject.heldOut()) {
                assertThat(seen).doesNotContainKey(subject.name());
                continue;
            }
            assertThat(seen.get(subject.name()))
                    .as(subject.name())
                    .contains("count 1")
                    .hasSizeGreaterThanOrEqualTo(6);
        }
        for (long seed = 0; seed < 2000; seed++) {
            String caption = Captions.whole(maker.heldOut(seed)).replace(",", "");
            assertThat(words).contains(caption.split(" "));
        }
    }

    @Test
    void captionsAreEnglish() {
        Subject apple = new Subject("apple", "apples", "food", true, false);
        Subject ice = new Subject("ice cream", "ice creams", "food", false, false);
        Scene.Group two = new Scene.Group(apple, java.util.Optional.of(SceneColour.RED), 2);
        Scene.Group one = new Scene.Group(ice, java.util.Optional.empty(), 1);
        assertThat(two.phrase()).isEqualTo("two red apples");
        assertThat(one.phrase()).isEqualTo("an ice cream");
        assertThat(new Scene.Group(apple, java.util.Optional.empty(), 1).phrase())
                .isEqualTo("an apple");
        assertThat(new Background(Background.Kind.STRIPES, SceneColour.ORANGE, 1).phrase())
                .isEqualTo("an orange striped background");
        for (long seed = 0; seed < 500; seed++) {
            String caption = Captions.whole(maker.known(seed));
            assertThat(caption).doesNotContainPattern("\\ba [aeio]").doesNotContain("  ");
            assertThat(caption).doesNotContainPattern("\\ban [^aeiou]");
        }
    }

    /** Where a caption says "left of" or "on the left", the picture has it there. */
    @Test
    void placesAreWhatTheCaptionSays() {
        for (long seed = 0; seed < 2000; seed++) {
            Scene scene = maker.known(seed);
            Scene.Item first = scene.items().getFirst();
            Scene.Item last = scene.items().getLast();
            switch (scene.arrangement()) {
                case LEFT -> assertThat(first.cx()).isLessThan(0.4f);
                case RIGHT -> assertThat(first.cx()).isGreaterThan(0.6f);
                case TOP -> assertThat(first.cy()).isLessThan(0.4f);
                case BOTTOM -> assertThat(first.cy()).isGreaterThan(0.6f);
                case LEFT_OF -> assertThat(first.cx()).isLessThan(last.cx() - 0.3f);
                case ABOVE -> assertThat(first.cy()).isLessThan(last.cy() - 0.3f);
                case MIDDLE -> assertThat(scene.groups()).hasSize(1);
            }
        }
    }

    /** A thing that was given a colour shows it: most of its saturated pixels have that hue. */
    @Test
    void givenColoursShow() {
        int checked = 0;
        for (long seed = 0; seed < 3000 && checked < 200; seed++) {
            Scene scene = maker.known(seed);
            if (scene.groups().size() > 1
                    || scene.groups().getFirst().colour().isEmpty()
                    || scene.background().colour() != SceneColour.WHITE
                    || scene.background().kind() != Background.Kind.PLAIN) {
                continue;
            }
            SceneColour colour = scene.groups().getFirst().colour().get();
            RgbImage image = maker.render(scene);
            int right = 0;
            int all = 0;
            for (int y = 0; y < image.height(); y++) {
                for (int x = 0; x < image.width(); x++) {
                    float[] hsv =
                            Hsv.of(
                                    image.channel(x, y, 0),
                                    image.channel(x, y, 1),
                                    image.channel(x, y, 2));
                    if (hsv[1] > 0.3f && hsv[2] > 0.2f) {
                        all++;
                        float off = Math.abs(hsv[0] - colour.hsv()[0]);
                        right += Math.min(off, 360 - off) < 12 ? 1 : 0;
                    }
                }
            }
            assertThat((double) right / all).as(Captions.whole(scene)).isGreaterThan(0.6);
            checked++;
        }
        assertThat(checked).isGreaterThan(40);
    }

    @Test
    void aStreamDoesNotDependOnTheOrderOfAsking() {
        SceneStream web = new SceneStream(maker, Tier.WEB, 7);
        SceneStream again = new SceneStream(maker, Tier.WEB, 7);
        SceneStream.Row late = web.get(1_000_000_007L);
        web.get(3);
        SceneStream.Row same = again.get(1_000_000_007L);
        assertThat(same.image()).isEqualTo(late.image());
        assertThat(same.caption()).isEqualTo(late.caption());
        assertThat(again.caption(1_000_000_007L)).isEqualTo(late.caption());
        assertThat(new SceneStream(maker, Tier.WEB, 8).get(3).image())
                .isNotEqualTo(web.get(3).image());
    }

    @Test
    void noDrawingsNoScenes() {
        assertThatThrownBy(() ->
                        new SceneMaker(
                                Drawings.load(Path.of("..", "shards", "drawings")), d -> false))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no drawing is left");
        assertThatThrownBy(() -> maker.make(1, s -> false))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("none of 2000 scenes fits");
    }
}
