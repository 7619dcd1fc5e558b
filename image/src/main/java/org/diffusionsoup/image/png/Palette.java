package org.diffusionsoup.image.png;

import java.awt.Color;

/**
 * Colours for numbers, of even steps in lightness, so that they read in grey and by the
 * colour-blind.
 */
public final class Palette {
    /** For what is equal. */
    public static final Color EQUAL = new Color(0xe6e8eb);

    /** From light yellow over red to deep violet: dark is far. */
    private static final int[] SEQUENTIAL = {
        0xfcefb4, 0xfdcd7b, 0xf99b58, 0xe8634f, 0xc23a5d, 0x8c2769, 0x55196a, 0x260c4a
    };

    /** From blue over white to red. */
    private static final int[] DIVERGING = {0x2459a8, 0x7fa8d9, 0xf4f4f2, 0xe79a83, 0xb3262d};

    private Palette() {}

    /** A colour for 0 (near) to 1 (far). */
    public static Color sequential(double position) {
        return between(SEQUENTIAL, Math.clamp(position, 0.0, 1.0));
    }

    /** A colour for -1 (blue) over 0 (white) to 1 (red); grey for NaN. */
    public static Color diverging(double cosine) {
        return Double.isNaN(cosine)
                ? EQUAL
                : between(DIVERGING, (Math.clamp(cosine, -1.0, 1.0) + 1) / 2);
    }

    private static Color between(int[] stops, double position) {
        double at = position * (stops.length - 1);
        int i = Math.min((int) at, stops.length - 2);
        double t = at - i;
        Color a = new Color(stops[i]);
        Color b = new Color(stops[i + 1]);
        return new Color(
                mix(a.getRed(), b.getRed(), t),
                mix(a.getGreen(), b.getGreen(), t),
                mix(a.getBlue(), b.getBlue(), t));
    }

    private static int mix(int a, int b, double t) {
        return (int) Math.round(a + (b - a) * t);
    }
}
