package org.diffusionsoup.workbench.judges.question;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.diffusionsoup.image.RgbImage;

/**
 * Which colours a drawing on a white ground has. The ground is every nearly white pixel that a path
 * of such pixels joins to the border; it is not counted, white inside the drawing is.
 *
 * @param shares share of each colour that occurs, of the drawing's pixels; they sum to 1
 * @param ink pixels that belong to the drawing, of all pixels, 0 to 1
 */
public record MeasuredColours(Map<Colour, Double> shares, double ink) {
    /** Above this a pixel is as good as white, below a visible tint. */
    private static final int NEARLY_WHITE = 245;

    /** A share that anybody sees. */
    static final double PRESENT = 0.15;

    /** A share that nobody sees: up to here a colour counts as absent. */
    static final double ABSENT = 0.005;

    /** Copies the shares. */
    public MeasuredColours {
        EnumMap<Colour, Double> copy = new EnumMap<>(Colour.class);
        copy.putAll(shares);
        shares = java.util.Collections.unmodifiableMap(copy);
    }

    /** Measures a picture. */
    public static MeasuredColours of(RgbImage image) {
        boolean[] ground = ground(image);
        EnumMap<Colour, Integer> counts = new EnumMap<>(Colour.class);
        int ink = 0;
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                if (!ground[y * image.width() + x]) {
                    Colour c =
                            Colour.of(
                                    image.channel(x, y, 0),
                                    image.channel(x, y, 1),
                                    image.channel(x, y, 2));
                    counts.merge(c, 1, Integer::sum);
                    ink++;
                }
            }
        }
        EnumMap<Colour, Double> shares = new EnumMap<>(Colour.class);
        int total = ink;
        counts.forEach((c, n) -> shares.put(c, (double) n / total));
        return new MeasuredColours(shares, (double) ink / ground.length);
    }

    /** The share of a colour, 0 to 1. */
    public double share(Colour c) {
        return shares.getOrDefault(c, 0.0);
    }

    /** Colours that anybody sees, largest share first. */
    public List<Colour> present() {
        return shares.keySet().stream()
                .filter(c -> share(c) >= PRESENT)
                .sorted(Comparator.comparingDouble((Colour c) -> -share(c)))
                .toList();
    }

    private static boolean[] ground(RgbImage image) {
        int w = image.width();
        int h = image.height();
        boolean[] ground = new boolean[w * h];
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int x = 0; x < w; x++) {
            visit(image, x, 0, ground, open);
            visit(image, x, h - 1, ground, open);
        }
        for (int y = 0; y < h; y++) {
            visit(image, 0, y, ground, open);
            visit(image, w - 1, y, ground, open);
        }
        while (!open.isEmpty()) {
            int at = open.remove();
            int x = at % w;
            int y = at / w;
            visit(image, x - 1, y, ground, open);
            visit(image, x + 1, y, ground, open);
            visit(image, x, y - 1, ground, open);
            visit(image, x, y + 1, ground, open);
        }
        return ground;
    }

    private static void visit(
            RgbImage image, int x, int y, boolean[] ground, ArrayDeque<Integer> open) {
        if (x < 0 || y < 0 || x >= image.width() || y >= image.height()) {
            return;
        }
        int at = y * image.width() + x;
        if (!ground[at]
                && image.channel(x, y, 0) >= NEARLY_WHITE
                && image.channel(x, y, 1) >= NEARLY_WHITE
                && image.channel(x, y, 2) >= NEARLY_WHITE) {
            ground[at] = true;
            open.add(at);
        }
    }
}
