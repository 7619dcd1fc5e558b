package org.diffusionsoup.data.scene;

import java.util.ArrayDeque;
import java.util.random.RandomGenerator;
import org.diffusionsoup.image.RgbImage;

/**
 * A picture's white surroundings exchanged for another ground, as a careless cut-out does it: what
 * is nearly white and reaches the border is surroundings, and a light rim stays around the thing.
 */
final class Cutout {
    /** Least value of all channels of what counts as white. */
    private static final int WHITE = 240;

    private Cutout() {}

    /**
     * Lays what is not surroundings over the canvas.
     *
     * @param picture of the canvas's size
     */
    static void lay(RgbImage picture, Canvas canvas) {
        boolean[] around = surroundings(picture);
        byte[] pixels = picture.pixels();
        int side = canvas.side();
        for (int i = 0; i < around.length; i++) {
            if (!around[i]) {
                canvas.blend(
                        i % side,
                        i / side,
                        pixels[3 * i] & 0xff,
                        pixels[3 * i + 1] & 0xff,
                        pixels[3 * i + 2] & 0xff,
                        1);
            }
        }
    }

    /** A ground of any layout and any colour but white. */
    static Background ground(RandomGenerator random) {
        Background.Kind[] kinds = Background.Kind.values();
        SceneColour[] colours = SceneColour.values();
        return new Background(
                kinds[random.nextInt(kinds.length)],
                colours[1 + random.nextInt(colours.length - 1)],
                random.nextLong());
    }

    private static boolean[] surroundings(RgbImage picture) {
        int width = picture.width();
        int height = picture.height();
        boolean[] found = new boolean[width * height];
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int x = 0; x < width; x++) {
            visit(picture, found, open, x, 0);
            visit(picture, found, open, x, height - 1);
        }
        for (int y = 0; y < height; y++) {
            visit(picture, found, open, 0, y);
            visit(picture, found, open, width - 1, y);
        }
        while (!open.isEmpty()) {
            int at = open.pop();
            int x = at % width;
            int y = at / width;
            visit(picture, found, open, x - 1, y);
            visit(picture, found, open, x + 1, y);
            visit(picture, found, open, x, y - 1);
            visit(picture, found, open, x, y + 1);
        }
        return found;
    }

    private static void visit(
            RgbImage picture, boolean[] found, ArrayDeque<Integer> open, int x, int y) {
        if (x < 0 || y < 0 || x >= picture.width() || y >= picture.height()) {
            return;
        }
        int at = y * picture.width() + x;
        byte[] pixels = picture.pixels();
        boolean white =
                (pixels[3 * at] & 0xff) >= WHITE
                        && (pixels[3 * at + 1] & 0xff) >= WHITE
                        && (pixels[3 * at + 2] & 0xff) >= WHITE;
        if (white && !found[at]) {
            found[at] = true;
            open.push(at);
        }
    }
}
