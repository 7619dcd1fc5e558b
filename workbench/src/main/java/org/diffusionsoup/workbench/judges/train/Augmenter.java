package org.diffusionsoup.workbench.judges.train;

import java.util.random.RandomGenerator;
import org.diffusionsoup.image.RgbImage;

/**
 * Makes another picture of the same thing: turned, scaled, moved and mirrored a little, with
 * slightly other colours, noise, and at times a part covered. White comes in where the picture
 * moves away.
 *
 * @param side height and width of the result
 * @param strength of turns, sizes and moves: 0 leaves them as they are, 1 is the usual amount
 * @param looks strength of changed colours, noise and covered parts, likewise
 */
record Augmenter(int side, double strength, double looks) {
    private static final double TURN = Math.toRadians(14);
    private static final double SCALE = 0.2;
    private static final double SHIFT = 0.09;
    private static final double COLOUR = 0.15;
    private static final double NOISE = 0.12;

    /**
     * Draws one variant.
     *
     * @param out gets (3, side, side) values in about [-1, 1] from index {@code at} on
     */
    void into(float[] out, int at, RgbImage image, RandomGenerator random) {
        double angle = TURN * strength * symmetric(random);
        double size = Math.exp(SCALE * strength * symmetric(random));
        double dx = SHIFT * strength * symmetric(random);
        double dy = SHIFT * strength * symmetric(random);
        boolean mirror = strength > 0 && random.nextBoolean();
        float[] gain = new float[3];
        float[] lift = new float[3];
        double brightness = symmetric(random);
        for (int c = 0; c < 3; c++) {
            gain[c] = (float) Math.exp(COLOUR * looks * symmetric(random));
            lift[c] = (float) (COLOUR * looks * 0.5 * (brightness + symmetric(random)));
        }
        double noise = NOISE * looks * Math.max(0, symmetric(random));
        int[] hole = hole(random);
        double cos = Math.cos(angle) / size;
        double sin = Math.sin(angle) / size;
        int plane = side * side;
        byte[] p = image.pixels();
        int w = image.width();
        int h = image.height();
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                double u = (x + 0.5) / side - 0.5;
                double v = (y + 0.5) / side - 0.5;
                double su = cos * u - sin * v;
                double sx = ((mirror ? -su : su) + dx + 0.5) * w - 0.5;
                double sy = (sin * u + cos * v + dy + 0.5) * h - 0.5;
                int to = at + y * side + x;
                boolean covered = x >= hole[0] && x < hole[2] && y >= hole[1] && y < hole[3];
                for (int c = 0; c < 3; c++) {
                    float ink = covered ? 0 : sample(p, w, h, sx, sy, c);
                    float value = 1 + ink * gain[c] + (ink < -0.02f ? lift[c] : 0);
                    if (noise > 0) {
                        value += (float) (noise * (random.nextFloat() - 0.5f) * 3.46f);
                    }
                    out[to + c * plane] = Math.clamp(value, -1.2f, 1.2f);
                }
            }
        }
    }

    private int[] hole(RandomGenerator random) {
        boolean any = random.nextDouble() < 0.3 * looks;
        int w = (int) (side * (0.1 + 0.25 * random.nextDouble()));
        int h = (int) (side * (0.1 + 0.25 * random.nextDouble()));
        int x = random.nextInt(side);
        int y = random.nextInt(side);
        return any ? new int[] {x, y, x + w, y + h} : new int[4];
    }

    private static double symmetric(RandomGenerator random) {
        return 2 * random.nextDouble() - 1;
    }

    /** Bilinear; how much darker than white, in [-2, 0]. */
    private static float sample(byte[] p, int w, int h, double x, double y, int c) {
        int x0 = (int) Math.floor(x);
        int y0 = (int) Math.floor(y);
        float fx = (float) (x - x0);
        float fy = (float) (y - y0);
        float top = ink(p, w, h, x0, y0, c) * (1 - fx) + ink(p, w, h, x0 + 1, y0, c) * fx;
        float low = ink(p, w, h, x0, y0 + 1, c) * (1 - fx) + ink(p, w, h, x0 + 1, y0 + 1, c) * fx;
        return top * (1 - fy) + low * fy;
    }

    private static float ink(byte[] p, int w, int h, int x, int y, int c) {
        if (x < 0 || y < 0 || x >= w || y >= h) {
            return 0;
        }
        return (p[3 * (y * w + x) + c] & 255) / 127.5f - 2;
    }
}
