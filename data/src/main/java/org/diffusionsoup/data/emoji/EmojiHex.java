package org.diffusionsoup.data.emoji;

import java.util.Locale;

/** Spellings of emoji by code points. */
final class EmojiHex {
    private EmojiHex() {}

    /** Lower case without the variation selectors FE0E and FE0F, which sets place differently. */
    static String normalize(String hex) {
        return hex.toLowerCase(Locale.ROOT).replaceAll("-fe0[ef]", "");
    }
}
