package org.diffusionsoup.cli.console;

import java.util.ArrayList;
import java.util.List;

/** Examples of commands in a help text, for terminals that are narrower than they are. */
public final class Examples {
    private static final String INDENT = "      ";

    private Examples() {}

    /**
     * Breaks a line between its arguments, so that what is copied from a terminal still runs: every
     * line but the last ends in a backslash.
     *
     * @param line an indented command; what is not indented is prose, and left as it is
     * @param width columns at most, except for a single argument that is longer
     * @return one line or more, joined by line feeds
     */
    public static String wrapped(String line, int width) {
        if (line.length() <= width || !line.startsWith(" ")) {
            return line;
        }
        StringBuilder out = new StringBuilder();
        StringBuilder current = new StringBuilder();
        for (String word : words(line)) {
            if (!current.toString().isBlank() && current.length() + 1 + word.length() > width - 2) {
                out.append(current).append(" \\\n");
                current = new StringBuilder(INDENT).append(word);
            } else {
                current.append(current.isEmpty() || current.toString().isBlank() ? "" : " ")
                        .append(word);
            }
        }
        return out.append(current).toString();
    }

    /** The arguments as they are written, quotes kept; the first one with the line's indent. */
    private static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        int start = 0;
        int at = 0;
        while (at < line.length() && line.charAt(at) == ' ') {
            at++;
        }
        char quote = 0;
        for (; at < line.length(); at++) {
            char c = line.charAt(at);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '\'' || c == '"') {
                quote = c;
            } else if (c == ' ') {
                words.add(line.substring(start, at));
                start = at + 1;
            }
        }
        words.add(line.substring(start));
        return words;
    }
}
