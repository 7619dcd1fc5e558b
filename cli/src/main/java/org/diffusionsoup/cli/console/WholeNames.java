package org.diffusionsoup.cli.console;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keeps the names in a help text whole. The parser's help breaks lines wherever prose may be
 * broken, and so inside {@code docs/value.md} or {@code --memory-batch}: for as long as it does so,
 * the signs inside of names are letters to it.
 */
public final class WholeNames {
    private static final Pattern WORD = Pattern.compile("\\S+");

    /** A flag, or letters on both sides of a sign that paths and forms of values have. */
    private static final Pattern NAME = Pattern.compile("--[a-z].*|.*\\w[.:/]\\w.*");

    private static final String SIGNS = ".:/-";

    /** Letters that no text of ours has, as wide as the signs. */
    private static final String LETTERS = "\u01c0\u01c1\u01c2\u01c3";

    private WholeNames() {}

    /** A text for what breaks lines, as long as it was. */
    public static String kept(String text) {
        return WORD.matcher(text)
                .replaceAll(found -> Matcher.quoteReplacement(keptWord(found.group())));
    }

    private static String keptWord(String word) {
        if (!NAME.matcher(word).matches()) {
            return word;
        }
        int end = word.length(); // what ends a sentence is no part of a name
        while (end > 0 && SIGNS.indexOf(word.charAt(end - 1)) >= 0) {
            end--;
        }
        return exchanged(word.substring(0, end), SIGNS, LETTERS) + word.substring(end);
    }

    /** A text with broken lines, as it is shown. */
    public static String shown(String text) {
        return exchanged(text, LETTERS, SIGNS);
    }

    private static String exchanged(String text, String from, String to) {
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            int at = from.indexOf(text.charAt(i));
            out.append(at < 0 ? text.charAt(i) : to.charAt(at));
        }
        return out.toString();
    }
}
