package org.diffusionsoup.data.scene;

import java.awt.Color;

/** Measures whether a drawing has one saturated main colour. */
final class Hues {
    private static final int BINS = 72;
    private static final int REACH = 4;

    private Hues() {}

    /**
     * Whether at least a fifth of a drawing's visible pixels, and three fifths of its saturated
     * ones, are within 20 degrees of one hue.
     */
    static boolean hasOneMainHue(ArgbImage image) {
        int visible = 0;
        int saturated = 0;
        int[] bins = new int[BINS];
        for (int pixel : image.argb()) {
            if (pixel >>> 24 < 128) {
                continue;
            }
            visible++;
            float[] hsb = Color.RGBtoHSB(pixel >> 16 & 0xff, pixel >> 8 & 0xff, pixel & 0xff, null);
            if (hsb[1] > 0.35 && hsb[1] * hsb[2] > 0.2) {
                saturated++;
                bins[Math.min(BINS - 1, (int) (hsb[0] * BINS))]++;
            }
        }
        int most = 0;
        for (int middle = 0; middle < BINS; middle++) {
            int near = 0;
            for (int d = -REACH; d <= REACH; d++) {
                near += bins[Math.floorMod(middle + d, BINS)];
            }
            most = Math.max(most, near);
        }
        return most >= 0.2 * visible && most >= 0.6 * saturated;
    }
}
