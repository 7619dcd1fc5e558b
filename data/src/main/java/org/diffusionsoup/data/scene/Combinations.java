package org.diffusionsoup.data.scene;

import java.util.ArrayList;
import java.util.List;

/**
 * The split by combination. Every subject, colour, count, background and style is known to
 * training; certain pairs of them are not: a subject with a background colour, with a colour of its
 * own, with a count, with another subject. Which pairs is decided by a hash of the words alone, so
 * the split stays when drawings, subjects or seeds change.
 */
public final class Combinations {
    private static final int BACKGROUNDS = 8;
    private static final int COLOURS = 7;
    private static final int COUNTS = 8;
    private static final int PARTNERS = 5;

    private Combinations() {}

    /** The pairs of a scene that training never sees, in words; empty for a scene it may see. */
    public static List<String> heldOut(Scene scene) {
        return heldOut(scene.truth());
    }

    /** As {@link #heldOut(Scene)}. */
    public static List<String> heldOut(SceneTruth truth) {
        List<String> found = new ArrayList<>();
        for (Scene.Group g : truth.groups()) {
            String subject = g.subject().name();
            check(found, subject, truth.ground().word() + " background", BACKGROUNDS);
            g.colour().ifPresent(c -> check(found, subject, c.word(), COLOURS));
            // One of the two counts at most, or the plural would be unknown.
            if (g.count() > 1 && bucket(subject + " + counts", COUNTS) == g.count()) {
                found.add(subject + " + " + Words.number(g.count()));
            }
        }
        if (truth.groups().size() == 2) {
            String a = truth.groups().get(0).subject().name();
            String b = truth.groups().get(1).subject().name();
            check(found, a.compareTo(b) < 0 ? a : b, a.compareTo(b) < 0 ? b : a, PARTNERS);
        }
        return found;
    }

    private static void check(List<String> found, String subject, String with, int oneOf) {
        String pair = subject + " + " + with;
        if (bucket(pair, oneOf) == 0) {
            found.add(pair);
        }
    }

    private static int bucket(String pair, int of) {
        return Seeds.bucket("scene-split-1: " + pair, of);
    }
}
