package org.diffusionsoup.data.scene;

/** Conversion between sRGB and hue, saturation, value. */
final class Hsv {
    private Hsv() {}

    /**
     * @param r red, 0 to 255, likewise green and blue
     * @return hue in degrees [0, 360), saturation and value in [0, 1]
     */
    static float[] of(float r, float g, float b) {
        float max = Math.max(r, Math.max(g, b));
        float min = Math.min(r, Math.min(g, b));
        float range = max - min;
        float hue = 0;
        if (range > 0) {
            float sixth;
            if (max == r) {
                sixth = (g - b) / range;
            } else if (max == g) {
                sixth = 2 + (b - r) / range;
            } else {
                sixth = 4 + (r - g) / range;
            }
            hue = (sixth * 60 + 360) % 360;
        }
        return new float[] {hue, max == 0 ? 0 : range / max, max / 255};
    }

    /**
     * The way back, into {@code rgb[at..at + 2]}, 0 to 255.
     *
     * @param hue degrees
     */
    static void toRgb(float hue, float saturation, float value, float[] rgb, int at) {
        float h = hue / 60;
        for (int c = 0; c < 3; c++) {
            float k = (5 - 2 * c + h) % 6;
            float part = Math.max(0, Math.min(1, Math.min(k, 4 - k)));
            rgb[at + c] = 255 * value * (1 - saturation * part);
        }
    }
}
