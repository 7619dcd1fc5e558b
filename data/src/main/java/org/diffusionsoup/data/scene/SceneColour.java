package org.diffusionsoup.data.scene;

import java.util.List;
import java.util.Locale;

/** The colour words of scenes, each with the sRGB colour that most people would call by it. */
public enum SceneColour {
    WHITE(255, 255, 255),
    GREY(150, 150, 152),
    BLACK(24, 24, 28),
    BROWN(122, 76, 40),
    RED(222, 40, 44),
    ORANGE(246, 138, 30),
    YELLOW(250, 212, 44),
    GREEN(58, 172, 74),
    BLUE(48, 112, 224),
    PURPLE(138, 68, 190),
    PINK(248, 136, 178);

    /** Colours that a drawing can be given: those with a hue of their own. */
    public static final List<SceneColour> TINTS =
            List.of(RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE, PINK);

    private final int red;
    private final int green;
    private final int blue;

    SceneColour(int red, int green, int blue) {
        this.red = red;
        this.green = green;
        this.blue = blue;
    }

    /** The word in a caption. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The colour of a word. */
    public static SceneColour of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }

    /** Channel 0 (red), 1 (green) or 2 (blue), 0 to 255. */
    public int channel(int c) {
        return switch (c) {
            case 0 -> red;
            case 1 -> green;
            default -> blue;
        };
    }

    /** Hue in degrees, saturation and value in [0, 1]. */
    float[] hsv() {
        return Hsv.of(red, green, blue);
    }
}
