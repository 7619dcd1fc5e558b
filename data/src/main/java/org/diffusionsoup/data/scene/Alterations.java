package org.diffusionsoup.data.scene;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.data.artwork.EmojiProvider;

/**
 * What a scene could be taken for by whoever misses one thing: all truths that differ from its own
 * in one attribute. Each is surely wrong of the picture, so it makes a wrong caption or a wrong
 * answer; what only says less, or what a person could not tell apart either, is left out.
 */
public final class Alterations {
    /** What differs. */
    public enum Attribute {
        OBJECT,
        COUNT,
        COLOUR,
        PLACE,
        GROUND,
        LAYOUT,
        STYLE
    }

    /**
     * Another truth.
     *
     * @param attribute the only thing that differs
     * @param truth what is not on the picture
     */
    public record Altered(Attribute attribute, SceneTruth truth) {}

    /** All styles of drawings. */
    public static final List<String> STYLES =
            Stream.concat(
                            Arrays.stream(EmojiProvider.values()).map(EmojiProvider::style),
                            Stream.of(OpenClipart.STYLE))
                    .toList();

    /** Places of a single thing. */
    public static final List<Scene.Arrangement> PLACES =
            List.of(
                    Scene.Arrangement.MIDDLE,
                    Scene.Arrangement.LEFT,
                    Scene.Arrangement.RIGHT,
                    Scene.Arrangement.TOP,
                    Scene.Arrangement.BOTTOM);

    /** Drawings of the one may be called by the other's name. */
    private static final Set<Set<String>> ALIKE =
            Set.of(
                    Set.of("phone", "telephone"),
                    Set.of("boot", "high heel"),
                    Set.of("kimono", "dress"),
                    Set.of("kimono", "coat"),
                    Set.of("mouth", "tooth"),
                    Set.of("car", "truck"));

    private static final Set<String> PARTS_OF_ANIMALS =
            Set.of("eye", "ear", "nose", "mouth", "foot", "hand");

    /**
     * Grounds whose lighter or darker tone, as in a gradient, may pass for the other; looked at
     * both ways.
     */
    private static final Set<Set<SceneColour>> NEAR =
            Set.of(
                    Set.of(SceneColour.WHITE, SceneColour.GREY),
                    Set.of(SceneColour.GREY, SceneColour.BLACK),
                    Set.of(SceneColour.RED, SceneColour.PINK),
                    Set.of(SceneColour.PURPLE, SceneColour.PINK),
                    Set.of(SceneColour.ORANGE, SceneColour.YELLOW),
                    Set.of(SceneColour.BROWN, SceneColour.ORANGE),
                    Set.of(SceneColour.BROWN, SceneColour.GREY));

    private Alterations() {}

    /** All of them, always in the same order; no two are equal. */
    public static List<Altered> of(SceneTruth truth) {
        List<Altered> out = new ArrayList<>();
        for (int i = 0; i < truth.groups().size(); i++) {
            Scene.Group own = truth.groups().get(i);
            for (Subject s : absent(truth)) {
                Scene.Group other = new Scene.Group(s, own.colour(), own.count());
                out.add(new Altered(Attribute.OBJECT, truth.with(i, other)));
            }
            for (SceneColour c : SceneColour.TINTS) {
                if (own.colour().isPresent() && own.colour().get() != c) {
                    Scene.Group other = new Scene.Group(own.subject(), Optional.of(c), own.count());
                    out.add(new Altered(Attribute.COLOUR, truth.with(i, other)));
                }
            }
        }
        if (truth.arrangement() == Scene.Arrangement.MIDDLE) {
            Scene.Group own = truth.groups().getFirst();
            for (int n = 1; n <= 3; n++) {
                if (n != own.count()) {
                    Scene.Group other = new Scene.Group(own.subject(), own.colour(), n);
                    out.add(new Altered(Attribute.COUNT, truth.with(0, other)));
                }
            }
        }
        places(truth).forEach(t -> out.add(new Altered(Attribute.PLACE, t)));
        for (SceneColour c : otherGrounds(truth.ground())) {
            out.add(new Altered(Attribute.GROUND, truth.with(truth.layout(), c)));
        }
        for (Background.Kind k : Background.Kind.values()) {
            // "A blue background" is right of a striped one, too.
            if (k != truth.layout() && k != Background.Kind.PLAIN) {
                out.add(new Altered(Attribute.LAYOUT, truth.with(k, truth.ground())));
            }
        }
        for (String style : STYLES) {
            if (!style.equals(truth.style())) {
                out.add(new Altered(Attribute.STYLE, truth.with(style)));
            }
        }
        return out;
    }

    /** Those that training may see. */
    public static List<Altered> known(SceneTruth truth) {
        return of(truth).stream().filter(a -> Combinations.heldOut(a.truth()).isEmpty()).toList();
    }

    /**
     * Whether a truth holds no held-out pair but those of another one. A wrong answer must not: in
     * training such answers would never be right, and a judge would learn them to be wrong.
     */
    public static boolean addsNoHeldOutPair(SceneTruth altered, SceneTruth to) {
        return new HashSet<>(Combinations.heldOut(to)).containsAll(Combinations.heldOut(altered));
    }

    private static List<SceneTruth> places(SceneTruth truth) {
        if (truth.groups().size() == 2) {
            SceneTruth turned =
                    truth.with(
                            truth.arrangement() == Scene.Arrangement.ABOVE
                                    ? Scene.Arrangement.LEFT_OF
                                    : Scene.Arrangement.ABOVE);
            return List.of(truth.reversed(), turned, turned.reversed());
        }
        if (truth.groups().getFirst().count() > 1) {
            return List.of();
        }
        // "An apple" is right of an apple on the left, too.
        return PLACES.stream()
                .filter(p -> p != truth.arrangement() && p != Scene.Arrangement.MIDDLE)
                .map(truth::with)
                .toList();
    }

    /** Grounds that nobody would call this one. */
    public static List<SceneColour> otherGrounds(SceneColour ground) {
        return Arrays.stream(SceneColour.values())
                .filter(c -> c != ground && !NEAR.contains(Set.of(c, ground)))
                .toList();
    }

    /** Subjects that are known to training and surely not on the picture, nor part of what is. */
    public static List<Subject> absent(SceneTruth truth) {
        return Subjects.all().stream()
                .filter(s -> !s.heldOut())
                .filter(s -> truth.groups().stream().noneMatch(g -> mayBeSeenIn(s, g.subject())))
                .toList();
    }

    private static boolean mayBeSeenIn(Subject s, Subject drawn) {
        return s.equals(drawn)
                || ALIKE.contains(Set.of(s.name(), drawn.name()))
                || drawn.domain().equals("animals") && PARTS_OF_ANIMALS.contains(s.name());
    }
}
