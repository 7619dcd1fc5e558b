package org.diffusionsoup.workbench.registry;

import java.util.Optional;
import org.diffusionsoup.data.RgbImage;

/**
 * A difference hash: the picture as 9 by 8 greys, one bit per neighbouring pair that says which is
 * brighter. Survives scaling, mild compression and changes of brightness; not crops or mirrors.
 */
final class Fingerprint {
    private static final int WIDTH = 9;
    private static final int HEIGHT = 8;

    /** Brightness steps below this, out of 255 000, are noise of the coder. */
    private static final int STEP = 2_000;

    /** A picture of one colour has no structure to compare: fewer set bits say nothing. */
    private static final int LEAST_BITS = 4;

    private Fingerprint() {}

    /** 16 hexadecimal digits, or empty for a picture without structure. */
    static Optional<String> of(RgbImage image) {
        RgbImage small = image.resized(WIDTH, HEIGHT);
        long bits = 0;
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x + 1 < WIDTH; x++) {
                bits = bits << 1 | (grey(small, x, y) - grey(small, x + 1, y) > STEP ? 1 : 0);
            }
        }
        return Long.bitCount(bits) < LEAST_BITS
                ? Optional.empty()
                : Optional.of("%016x".formatted(bits));
    }

    /** Luma of Rec. 601, times 1000. */
    private static int grey(RgbImage i, int x, int y) {
        return 299 * i.channel(x, y, 0) + 587 * i.channel(x, y, 1) + 114 * i.channel(x, y, 2);
    }
}
