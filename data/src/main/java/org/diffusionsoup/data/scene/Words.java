package org.diffusionsoup.data.scene;

/** English, as far as captions need it. */
final class Words {
    private static final String[] NUMBERS = {"no", "one", "two", "three"};

    private Words() {}

    /** "a" or "an", by the first letter of what follows. */
    static String article(String next) {
        return "aeio".indexOf(Character.toLowerCase(next.charAt(0))) >= 0
                        || next.startsWith("umbrella")
                ? "an"
                : "a";
    }

    /** A count from 0 to 3 in letters. */
    static String number(int count) {
        return NUMBERS[count];
    }
}
