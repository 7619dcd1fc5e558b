package org.diffusionsoup.data.artwork;

import java.util.Locale;

/** Spellings of emoji by code points. */
public final class EmojiHex {
    private EmojiHex() {}

    /** Lower case without the variation selectors FE0E and FE0F, which sets place differently. */
    public static String normalize(String hex) {
        return hex.toLowerCase(Locale.ROOT).replaceAll("-fe0[ef]", "");
    }
}
