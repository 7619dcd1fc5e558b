package org.diffusionsoup.core;

/**
 * Makes what cannot be seen visible before a name, a caption, metadata or a path is shown. Control
 * characters move a terminal's cursor, set its title or fake further rows; bidirectional overrides
 * reverse what is read; neither these nor lone surrogates belong into XML.
 *
 * <p>Such characters become {@code \}{@code n}, {@code \}{@code t}, {@code \}{@code r} or a
 * backslash, {@code u} and four hexadecimal digits: inside a JSON string that still means the same.
 * Everything else, emoji with their joiners among it, stays as it is.
 */
public final class Visible {
    /** Most characters of an input that a message repeats. */
    public static final int MOST_ECHOED = 200;

    private Visible() {}

    /** A text for one line: line breaks and tabs become visible as well. */
    public static String text(String s) {
        return of(s, false);
    }

    /**
     * A text of several lines: {@code \n} and tabs stay, everything else hidden becomes visible.
     */
    public static String lines(String s) {
        return of(s, true);
    }

    /** At most 200 characters of an input, and how many more there were; as {@link #text}. */
    public static String shortened(String s) {
        return text(cut(s));
    }

    /** At most 200 characters of an input, and how many more there were. */
    public static String cut(String s) {
        if (s.length() <= MOST_ECHOED) {
            return s;
        }
        int end = MOST_ECHOED;
        if (Character.isHighSurrogate(s.charAt(end - 1))) {
            end--;
        }
        return s.substring(0, end) + "… (" + (s.length() - end) + " more characters)";
    }

    private static String of(String s, boolean lines) {
        int clean = 0;
        while (clean < s.length() && isPlain(s.charAt(clean))) {
            clean++;
        }
        if (clean == s.length()) {
            return s;
        }
        StringBuilder out = new StringBuilder(s.length() + 16).append(s, 0, clean);
        for (int i = clean; i < s.length(); i++) {
            char c = s.charAt(i);
            boolean pair =
                    Character.isHighSurrogate(c)
                            && i + 1 < s.length()
                            && Character.isLowSurrogate(s.charAt(i + 1));
            if (pair) {
                out.append(c).append(s.charAt(++i));
            } else if (!isHidden(c) || (lines && (c == '\n' || c == '\t'))) {
                out.append(c);
            } else {
                out.append(
                        switch (c) {
                            case '\n' -> "\\n";
                            case '\t' -> "\\t";
                            case '\r' -> "\\r";
                            default -> String.format("\\u%04x", (int) c);
                        });
            }
        }
        return out.toString();
    }

    private static boolean isPlain(char c) {
        return c >= ' ' && c < 0x7f;
    }

    private static boolean isHidden(char c) {
        return Character.isISOControl(c)
                || Character.isSurrogate(c) // in a pair they are not asked about
                || c == 0x061c // bidirectional marks, embeddings, overrides and isolates
                || c == 0x200e
                || c == 0x200f
                || (c >= 0x202a && c <= 0x202e)
                || (c >= 0x2066 && c <= 0x2069)
                || c == 0x2028 // line and paragraph separators
                || c == 0x2029
                || c == 0x200b // without width
                || c == 0x2060
                || c == 0xfeff
                || c == 0xfffe
                || c == 0xffff;
    }
}
