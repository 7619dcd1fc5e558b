package org.diffusionsoup.workbench.judges.question;

import java.util.Locale;

/** Basic colour words, in the order in which ties between equal shares are broken. */
public enum Colour {
    RED,
    ORANGE,
    YELLOW,
    GREEN,
    BLUE,
    PURPLE,
    PINK,
    BROWN,
    BLACK,
    GREY,
    WHITE;

    /** The word in a question. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * What most people would call an sRGB colour: by hue where there is one, otherwise by
     * brightness. The borders are chosen by eye on emoji; neighbours such as orange and brown blur.
     *
     * @param r red, 0 to 255, likewise green and blue
     */
    public static Colour of(int r, int g, int b) {
        int max = Math.max(r, Math.max(g, b));
        int min = Math.min(r, Math.min(g, b));
        double value = max / 255.0;
        double saturation = max == 0 ? 0 : (double) (max - min) / max;
        if (value < 0.25 || (value < 0.4 && saturation < 0.3)) {
            return BLACK;
        }
        if (saturation < 0.15) {
            return value > 0.88 ? WHITE : GREY;
        }
        if (saturation < 0.3 && value < 0.75) {
            return GREY;
        }
        return byHue(hue(r, g, b, max, min), saturation, value);
    }

    private static Colour byHue(double hue, double saturation, double value) {
        if (hue < 14 || hue >= 345) {
            if (saturation < 0.55 && value > 0.75) {
                return PINK;
            }
            return value < 0.5 ? BROWN : RED;
        }
        if (hue < 40) {
            return value < 0.75 ? BROWN : ORANGE;
        }
        if (hue < 68) {
            return value < 0.5 ? BROWN : YELLOW;
        }
        if (hue < 165) {
            return GREEN;
        }
        if (hue < 255) {
            return BLUE;
        }
        return hue < 292 ? PURPLE : PINK;
    }

    private static double hue(int r, int g, int b, int max, int min) {
        double range = max - min;
        double sixth;
        if (max == r) {
            sixth = (g - b) / range;
        } else if (max == g) {
            sixth = 2 + (b - r) / range;
        } else {
            sixth = 4 + (r - g) / range;
        }
        return (sixth * 60 + 360) % 360;
    }
}
