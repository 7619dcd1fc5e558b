package org.diffusionsoup.report;

import java.util.ArrayDeque;
import java.util.Deque;
import org.diffusionsoup.core.Visible;

/**
 * Writes elements that are also well-formed XML: everything escaped, every element closed by its
 * own name.
 */
final class Markup {
    /** Letters of a word that has a line to itself everywhere. */
    private static final int SHORT_NAME = 12;

    private final StringBuilder out = new StringBuilder(1 << 16);
    private final Deque<String> open = new ArrayDeque<>();

    /** Opens an element; attributes come as name, value, name, value. */
    Markup open(String element, String... attributes) {
        start(element, attributes);
        out.append('>');
        open.push(element);
        return this;
    }

    /** An element without content, closed at once. */
    Markup empty(String element, String... attributes) {
        start(element, attributes);
        out.append("/>");
        return this;
    }

    /** Closes the innermost element. */
    Markup close() {
        out.append("</").append(open.pop()).append('>');
        return this;
    }

    /** An element with text in it. */
    Markup element(String element, String text, String... attributes) {
        return open(element, attributes).text(text).close();
    }

    Markup text(String text) {
        escape(text);
        return this;
    }

    /**
     * Text whose long words, such as the names of files and shards, may be broken after the signs
     * that part them ({@code /}, {@code #}, {@code &}) and nowhere else.
     */
    Markup names(String text) {
        int from = 0;
        for (int space = text.indexOf(' '); space >= 0; space = text.indexOf(' ', from)) {
            name(text.substring(from, space)).text(" ");
            from = space + 1;
        }
        return name(text.substring(from));
    }

    private Markup name(String word) {
        int from = 0;
        for (int i = 1; word.length() > SHORT_NAME && i < word.length() - 1; i++) {
            if ("/#&".indexOf(word.charAt(i)) >= 0) {
                text(word.substring(from, i + 1)).empty("wbr");
                from = i + 1;
            }
        }
        return text(word.substring(from));
    }

    /** Prose with {@code `code`} and {@code **strong**}; unmatched marks are left as they are. */
    Markup prose(String text) {
        int at = 0;
        while (at < text.length()) {
            int end;
            if (text.startsWith("**", at) && (end = text.indexOf("**", at + 2)) > at + 2) {
                element("strong", text.substring(at + 2, end));
                at = end + 2;
            } else if (text.charAt(at) == '`' && (end = text.indexOf('`', at + 1)) > at + 1) {
                element("code", text.substring(at + 1, end));
                at = end + 1;
            } else {
                int next = at + 1;
                while (next < text.length()
                        && text.charAt(next) != '`'
                        && !text.startsWith("**", next)) {
                    next++;
                }
                text(text.substring(at, next));
                at = next;
            }
        }
        return this;
    }

    /** Our own stylesheet or script, which holds nothing to escape. */
    Markup trusted(String text) {
        if (text.indexOf('<') >= 0 || text.indexOf('&') >= 0) {
            throw new ReportException("A style or script of the report holds '<' or '&'.");
        }
        out.append(text);
        return this;
    }

    /** An svg element of ours, which is escaped already. */
    Markup drawn(String svg) {
        if (!svg.startsWith("<svg ") || !svg.strip().endsWith("</svg>")) {
            throw new ReportException("A drawing of the report is no svg element.");
        }
        out.append(svg.strip());
        return this;
    }

    Markup newline() {
        out.append('\n');
        return this;
    }

    String finish() {
        if (!open.isEmpty()) {
            throw new ReportException("The element <%s> was not closed.".formatted(open.peek()));
        }
        return out.toString();
    }

    private void start(String element, String... attributes) {
        out.append('<').append(element);
        for (int i = 0; i < attributes.length; i += 2) {
            out.append(' ').append(attributes[i]).append("=\"");
            escape(attributes[i + 1]);
            out.append('"');
        }
    }

    private void escape(String any) {
        String text = Visible.lines(any);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.append(c); // what XML does not allow is visible by now
            }
        }
    }
}
