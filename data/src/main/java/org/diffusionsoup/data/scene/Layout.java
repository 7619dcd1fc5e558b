package org.diffusionsoup.data.scene;

import java.util.ArrayList;
import java.util.List;

/**
 * Where the things of a scene go, in shares of the picture's side: a single thing fills the middle,
 * all others have one of seven places and one size. Places lie on the grid of the denoiser's coarse
 * levels, and things stand upright, so that a small model learns what a thing looks like instead of
 * every way to shift and turn it.
 */
final class Layout {
    private static final float LARGE = 0.75f;
    private static final float SMALL = 0.4375f;
    private static final float FIRST = 0.25f;
    private static final float MIDDLE = 0.5f;
    private static final float SECOND = 0.75f;

    private Layout() {}

    static List<Scene.Item> items(
            List<Scene.Group> groups, List<Drawing> drawings, Scene.Arrangement arrangement) {
        float[][] places = places(groups, arrangement);
        float size = places.length == 1 && arrangement == Scene.Arrangement.MIDDLE ? LARGE : SMALL;
        List<Scene.Item> items = new ArrayList<>();
        int at = 0;
        for (int g = 0; g < groups.size(); g++) {
            for (int k = 0; k < groups.get(g).count(); k++, at++) {
                float[] p = places[at];
                items.add(new Scene.Item(drawings.get(g).key(), p[0], p[1], size));
            }
        }
        return items;
    }

    /** Middle of every thing, from the left and from the top. */
    private static float[][] places(List<Scene.Group> groups, Scene.Arrangement arrangement) {
        return switch (arrangement) {
            case LEFT_OF -> new float[][] {{FIRST, MIDDLE}, {SECOND, MIDDLE}};
            case ABOVE -> new float[][] {{MIDDLE, FIRST}, {MIDDLE, SECOND}};
            case LEFT -> new float[][] {{FIRST, MIDDLE}};
            case RIGHT -> new float[][] {{SECOND, MIDDLE}};
            case TOP -> new float[][] {{MIDDLE, FIRST}};
            case BOTTOM -> new float[][] {{MIDDLE, SECOND}};
            case MIDDLE ->
                    switch (groups.getFirst().count()) {
                        case 1 -> new float[][] {{MIDDLE, MIDDLE}};
                        case 2 -> new float[][] {{FIRST, MIDDLE}, {SECOND, MIDDLE}};
                        default ->
                                new float[][] {{MIDDLE, FIRST}, {FIRST, SECOND}, {SECOND, SECOND}};
                    };
        };
    }
}
