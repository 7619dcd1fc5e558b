package org.diffusionsoup.data.scene;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** Where the things of a scene go. Shares of the picture's side throughout. */
final class Layout {
    private Layout() {}

    static List<Scene.Item> items(
            List<Scene.Group> groups,
            List<Drawing> drawings,
            Scene.Arrangement arrangement,
            RandomGenerator random) {
        float[][] places = places(groups, arrangement, random);
        List<Scene.Item> items = new ArrayList<>();
        int at = 0;
        for (int g = 0; g < groups.size(); g++) {
            boolean flip = random.nextBoolean();
            for (int k = 0; k < groups.get(g).count(); k++, at++) {
                float[] p = places[at];
                float turn = 16 * random.nextFloat() - 8;
                items.add(new Scene.Item(drawings.get(g).key(), p[0], p[1], p[2], turn, flip));
            }
        }
        return items;
    }

    /** Middle and size of every thing. */
    private static float[][] places(
            List<Scene.Group> groups, Scene.Arrangement arrangement, RandomGenerator random) {
        float small = 0.42f + 0.08f * random.nextFloat();
        float a = shift(random);
        float b = shift(random);
        return switch (arrangement) {
            case LEFT_OF -> new float[][] {{0.26f, 0.5f + a, small}, {0.74f, 0.5f + b, small}};
            case ABOVE -> new float[][] {{0.5f + a, 0.26f, small}, {0.5f + b, 0.74f, small}};
            case LEFT -> new float[][] {{0.28f, 0.5f + a, small}};
            case RIGHT -> new float[][] {{0.72f, 0.5f + a, small}};
            case TOP -> new float[][] {{0.5f + a, 0.28f, small}};
            case BOTTOM -> new float[][] {{0.5f + a, 0.72f, small}};
            case MIDDLE -> middle(groups.get(0).count(), small, random);
        };
    }

    private static float[][] middle(int count, float small, RandomGenerator random) {
        return switch (count) {
            case 1 -> {
                float size = 0.6f + 0.25f * random.nextFloat();
                yield new float[][] {
                    {0.5f + 0.5f * shift(random), 0.5f + 0.5f * shift(random), size}
                };
            }
            case 2 ->
                    new float[][] {
                        {0.26f, 0.5f + shift(random), small}, {0.74f, 0.5f + shift(random), small}
                    };
            default -> {
                float side = 0.38f + 0.06f * random.nextFloat();
                boolean up = random.nextBoolean();
                float one = up ? 0.27f : 0.73f;
                float two = up ? 0.73f : 0.27f;
                yield new float[][] {
                    {0.5f + shift(random), one, side}, {0.25f, two, side}, {0.75f, two, side}
                };
            }
        };
    }

    private static float shift(RandomGenerator random) {
        return 0.16f * random.nextFloat() - 0.08f;
    }
}
