package org.diffusionsoup.diffusion.text;

/**
 * Lower case as Python's {@code str.lower} has it. It differs from {@link String#toLowerCase()} in
 * where a capital sigma counts as the last letter of its word: Python goes by Unicode's Final_Sigma
 * condition over the whole text, the JDK by its own word breaker.
 */
final class PythonLowerCase {
    private static final int CAPITAL_SIGMA = 0x3A3;
    private static final int SIGMA = 0x3C3;
    private static final int FINAL_SIGMA = 0x3C2;
    private static final int CAPITAL_I_WITH_DOT = 0x130;

    /**
     * Punctuation that Unicode counts as case-ignorable (Word_Break MidLetter, MidNumLet, quote).
     */
    private static final String IGNORED_PUNCTUATION =
            "'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";

    private PythonLowerCase() {}

    static String of(String text) {
        int[] in = text.codePoints().toArray();
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < in.length; i++) {
            switch (in[i]) {
                case CAPITAL_SIGMA -> out.appendCodePoint(isFinal(in, i) ? FINAL_SIGMA : SIGMA);
                // The only other code point whose lower case is longer than one.
                case CAPITAL_I_WITH_DOT -> out.append("i\u0307");
                default -> out.appendCodePoint(Character.toLowerCase(in[i]));
            }
        }
        return out.toString();
    }

    private static boolean isFinal(int[] text, int at) {
        return isCasedNext(text, at, -1) && !isCasedNext(text, at, 1);
    }

    private static boolean isCasedNext(int[] text, int at, int step) {
        int i = at + step;
        while (i >= 0 && i < text.length && isCaseIgnorable(text[i])) {
            i += step;
        }
        return i >= 0 && i < text.length && isCased(text[i]);
    }

    private static boolean isCased(int cp) {
        return Character.isUpperCase(cp) || Character.isLowerCase(cp) || Character.isTitleCase(cp);
    }

    private static boolean isCaseIgnorable(int cp) {
        return switch (Character.getType(cp)) {
            case Character.NON_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.FORMAT,
                    Character.MODIFIER_LETTER,
                    Character.MODIFIER_SYMBOL ->
                    true;
            default -> IGNORED_PUNCTUATION.indexOf(cp) >= 0;
        };
    }
}
