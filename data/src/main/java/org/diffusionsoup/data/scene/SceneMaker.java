package org.diffusionsoup.data.scene;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.image.RgbImage;

/**
 * Composes scenes from drawings: a seed gives the same scene and the same pixels on every machine.
 */
public final class SceneMaker {
    /** Side of a scene in pixels. */
    public static final int SIDE = 64;

    /** Things and ground must differ at least this much in their mean colour, of 255. */
    private static final float CONTRAST = 62;

    private static final int TRIES = 2000;

    private final Map<String, Sprite> sprites = new HashMap<>();
    private final Map<String, Subject> subjects = new HashMap<>();
    private final Map<String, List<List<Drawing>>> byProvider = new HashMap<>();
    private final List<String> providers;

    /**
     * @param drawings what scenes may hold
     * @param wanted which of them
     * @throws SoupException if none is wanted
     */
    public SceneMaker(Drawings drawings, Predicate<Drawing> wanted) {
        Subjects.all().forEach(s -> subjects.put(s.name(), s));
        Map<String, Map<String, List<Drawing>>> found = new TreeMap<>();
        for (Drawing d : drawings.all()) {
            if (wanted.test(d) && subjects.containsKey(d.subject())) {
                sprites.put(d.key(), new Sprite(d.image()));
                found.computeIfAbsent(d.provider(), p -> new TreeMap<>())
                        .computeIfAbsent(d.subject(), s -> new ArrayList<>())
                        .add(d);
            }
        }
        found.forEach((p, all) -> byProvider.put(p, List.copyOf(all.values())));
        providers = List.copyOf(found.keySet());
        if (providers.isEmpty()) {
            throw new SoupException("no drawing is left to make scenes of");
        }
    }

    /** The scene of a seed among those that training may see. */
    public Scene known(long seed) {
        return make(seed, s -> Combinations.heldOut(s).isEmpty());
    }

    /** The scene of a seed among those of held-out combinations. */
    public Scene heldOut(long seed) {
        return make(seed, s -> !Combinations.heldOut(s).isEmpty());
    }

    /**
     * The first scene of a seed's own sequence that fits.
     *
     * @throws SoupException if none of {@value #TRIES} does
     */
    public Scene make(long seed, Predicate<Scene> fits) {
        RandomGenerator random = Seeds.random(seed, 1);
        for (int i = 0; i < TRIES; i++) {
            Optional<Scene> scene = draft(random);
            if (scene.isPresent() && fits.test(scene.get())) {
                return scene.get();
            }
        }
        throw new SoupException(
                "none of " + TRIES + " scenes fits what is asked for; ask for more drawings");
    }

    /** Draws a scene. */
    public RgbImage render(Scene scene) {
        return canvas(scene, 0, 0, 1).toImage();
    }

    /**
     * Draws a scene seen through a shifted or enlarged window.
     *
     * @param dx shift to the right as a share of the side
     * @param dy shift downwards
     * @param zoom enlargement about the middle
     */
    Canvas canvas(Scene scene, float dx, float dy, float zoom) {
        Canvas canvas = new Canvas(SIDE);
        scene.background().paint(canvas);
        int i = 0;
        for (Scene.Group g : scene.groups()) {
            for (int k = 0; k < g.count(); k++, i++) {
                Scene.Item item = scene.items().get(i);
                sprite(item.drawing())
                        .draw(
                                canvas,
                                0.5f + (item.cx() - 0.5f) * zoom + dx,
                                0.5f + (item.cy() - 0.5f) * zoom + dy,
                                item.size() * zoom,
                                g.colour().orElse(null));
            }
        }
        return canvas;
    }

    private Sprite sprite(String key) {
        Sprite sprite = sprites.get(key);
        if (sprite == null) {
            throw new SoupException("there is no drawing " + key);
        }
        return sprite;
    }

    /** A scene, unless chance chose things that do not go together. */
    private Optional<Scene> draft(RandomGenerator random) {
        String provider = providers.get(random.nextInt(providers.size()));
        List<List<Drawing>> drawn = byProvider.getOrDefault(provider, List.of());
        List<Drawing> chosen = new ArrayList<>();
        List<Scene.Group> groups = new ArrayList<>();
        double kind = random.nextDouble();
        int parties = kind < 0.25 ? 2 : 1;
        int count = kind < 0.25 ? 1 : kind < 0.45 ? 2 + random.nextInt(2) : 1;
        Set<String> taken = new HashSet<>();
        for (int i = 0; i < parties; i++) {
            Drawing d = pick(pick(drawn, random), random);
            if (!taken.add(d.subject())) {
                return Optional.empty();
            }
            chosen.add(d);
            Subject subject = subject(d);
            boolean tint = subject.tintable() && sprite(d.key()).takesColour();
            Optional<SceneColour> colour =
                    tint && random.nextDouble() < 0.85
                            ? Optional.of(pick(SceneColour.TINTS, random))
                            : Optional.empty();
            groups.add(new Scene.Group(subject, colour, count));
        }
        Background background = background(random);
        for (int i = 0; i < parties; i++) {
            if (!standsOut(groups.get(i), chosen.get(i), background)) {
                return Optional.empty();
            }
        }
        Scene.Arrangement arrangement = arrangement(parties, count, random);
        return Optional.of(
                new Scene(
                        groups,
                        arrangement,
                        background,
                        provider,
                        chosen.get(0).style(),
                        Layout.items(groups, chosen, arrangement)));
    }

    private Subject subject(Drawing drawing) {
        Subject subject = subjects.get(drawing.subject());
        if (subject == null) {
            throw new SoupException("there is no subject " + drawing.subject());
        }
        return subject;
    }

    private static <T> T pick(List<T> from, RandomGenerator random) {
        return from.get(random.nextInt(from.size()));
    }

    private static Background background(RandomGenerator random) {
        SceneColour colour =
                random.nextDouble() < 0.2
                        ? SceneColour.WHITE
                        : SceneColour.values()[random.nextInt(SceneColour.values().length)];
        double kind = random.nextDouble();
        Background.Kind layout =
                kind < 0.55
                        ? Background.Kind.PLAIN
                        : kind < 0.7
                                ? Background.Kind.GRADIENT
                                : kind < 0.8
                                        ? Background.Kind.STRIPES
                                        : kind < 0.9
                                                ? Background.Kind.DOTS
                                                : Background.Kind.CHECKS;
        return new Background(layout, colour, random.nextLong());
    }

    private static Scene.Arrangement arrangement(int parties, int count, RandomGenerator random) {
        if (parties == 2) {
            return random.nextInt(3) == 0 ? Scene.Arrangement.ABOVE : Scene.Arrangement.LEFT_OF;
        }
        if (count > 1 || random.nextDouble() < 0.7) {
            return Scene.Arrangement.MIDDLE;
        }
        return Scene.Arrangement.values()[1 + random.nextInt(4)];
    }

    /** Whether a person would see the thing on that ground. */
    private boolean standsOut(Scene.Group group, Drawing drawing, Background background) {
        if (group.colour().isPresent()) {
            return group.colour().get() != background.colour();
        }
        Sprite sprite = sprite(drawing.key());
        double squares = 0;
        for (int c = 0; c < 3; c++) {
            double d = sprite.mean(c) - background.colour().channel(c);
            squares += d * d;
        }
        return Math.sqrt(squares / 3) > CONTRAST;
    }
}
