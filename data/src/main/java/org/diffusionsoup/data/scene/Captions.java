package org.diffusionsoup.data.scene;

import java.util.random.RandomGenerator;

/**
 * A scene in plain words. Captions say what, how many, which colour, where, on which background and
 * in which style; some say less, as captions do.
 */
public final class Captions {
    private Captions() {}

    /** The whole caption in the plainest order: "two red apples on a blue background, line art". */
    public static String whole(Scene scene) {
        return whole(scene.truth());
    }

    /** As {@link #whole(Scene)}. */
    public static String whole(SceneTruth truth) {
        return truth.subjectPhrase() + " on " + truth.groundPhrase() + ", " + truth.style();
    }

    /** The whole caption in one of several orders. */
    public static String any(Scene scene, RandomGenerator random) {
        return any(scene.truth(), random);
    }

    /** As {@link #any(Scene, RandomGenerator)}. */
    public static String any(SceneTruth truth, RandomGenerator random) {
        String what = truth.subjectPhrase();
        String ground = truth.groundPhrase();
        String style = truth.style();
        return switch (random.nextInt(5)) {
            case 0, 1 -> whole(truth);
            case 2 -> style + " picture of " + what + " on " + ground;
            case 3 -> what + ", " + ground + ", " + style;
            default -> style + ": " + what + " on " + ground;
        };
    }

    /** A caption that leaves out background, style, or both. */
    public static String partial(Scene scene, RandomGenerator random) {
        return switch (random.nextInt(4)) {
            case 0 -> scene.subjectPhrase();
            case 1 -> scene.subjectPhrase() + ", " + scene.style();
            case 2 -> scene.subjectPhrase() + " on " + scene.background().phrase();
            default -> scene.groups().get(0).subject().name();
        };
    }
}
