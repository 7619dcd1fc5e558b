package org.diffusionsoup.core.safetensors;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Reads the JSON of a safetensors header (RFC 8259) from its start to its end. A header has
 * objects, arrays, strings and whole numbers only, so this reads no other values: any is refused
 * where it stands. Nothing is kept and nothing nests beyond what the caller asks for.
 *
 * <p>Why not the JSON library that reads all other JSON here: a merge of a second reads every
 * ingredient's header before anything of it is compiled, and the library's general parser, with the
 * big numbers it prepares for, then took longer than the averaging of twenty million weights.
 */
final class HeaderText {
    /** What the text is not; says what was expected, what is there, and where. */
    static final class Bad extends Exception {
        private static final long serialVersionUID = 1L;
        private final String expected;
        private final String actual;

        private Bad(String expected, String actual) {
            super(expected + " expected, not " + actual, null, false, false);
            this.expected = expected;
            this.actual = actual;
        }

        String expected() {
            return expected;
        }

        String actual() {
            return actual;
        }
    }

    private final byte[] text;
    private int at;

    /**
     * @param text UTF-8, which is checked where strings are
     */
    HeaderText(byte[] text) {
        this.text = text;
    }

    /** Passes an object's brace; the members follow, each told by {@link #nextMember}. */
    void openObject() throws Bad {
        pass('{', "an object");
    }

    /** Passes an array's bracket; the elements follow, each told by {@link #nextElement}. */
    void openArray() throws Bad {
        pass('[', "an array");
    }

    /**
     * Passes the comma before a member, or the object's closing brace.
     *
     * @param first whether none was read yet
     * @return false at the closing brace
     */
    boolean nextMember(boolean first) throws Bad {
        return next(first, '}');
    }

    /** The same for an array. */
    boolean nextElement(boolean first) throws Bad {
        return next(first, ']');
    }

    private boolean next(boolean first, char close) throws Bad {
        char c = peek();
        if (c == close) {
            at++;
            return false;
        }
        if (!first) {
            if (c != ',') {
                throw bad("',' or '" + close + "'");
            }
            at++;
        }
        return true;
    }

    /** A member's name, with the colon after it. */
    String name() throws Bad {
        String name = string();
        pass(':', "':'");
        return name;
    }

    /** A string. */
    String string() throws Bad {
        pass('"', "a string");
        byte[] t = text;
        int from = at;
        for (int i = from; i < t.length; i++) {
            byte c = t[i];
            if (c == '"') {
                at = i + 1;
                return new String(t, from, i - from, StandardCharsets.ISO_8859_1);
            }
            if (c == '\\' || c < ' ') { // an escape, a control character, or beyond ASCII
                at = i;
                return otherString(from);
            }
        }
        at = t.length;
        throw bad("'\"'");
    }

    /** The string from there on, which is plain ASCII up to {@link #at}. */
    private String otherString(int from) throws Bad {
        StringBuilder s = new StringBuilder();
        int plain = from;
        while (at < text.length) {
            byte c = text[at];
            if (c >= 0 && c < ' ') {
                throw bad("no control character in a string");
            }
            if (c == '"') {
                s.append(decoded(plain, at++));
                return paired(s);
            }
            if (c == '\\') {
                s.append(decoded(plain, at++));
                s.append(escape());
                plain = at;
            } else {
                at++;
            }
        }
        throw bad("'\"'");
    }

    /** Half a pair, which only an escape can state, is no character and has no UTF-8. */
    private static String paired(StringBuilder s) throws Bad {
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            boolean pair = i + 1 < s.length() && Character.isSurrogatePair(c, s.charAt(i + 1));
            if (pair) {
                i++;
            } else if (Character.isSurrogate(c)) {
                throw new Bad(
                        "Unicode text", "half a surrogate pair, \\u" + Integer.toHexString(c));
            }
        }
        return s.toString();
    }

    private CharBuffer decoded(int from, int to) throws Bad {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(text, from, to - from));
        } catch (CharacterCodingException e) {
            throw new Bad("UTF-8 text", "invalid UTF-8 after byte " + from + " of the header");
        }
    }

    private char escape() throws Bad {
        char c = peekHere();
        int plain = "\"\\/bfnrt".indexOf(c);
        if (plain >= 0) {
            at++;
            return "\"\\/\b\f\n\r\t".charAt(plain);
        }
        if (c != 'u') {
            throw bad("an escape");
        }
        int code = 0;
        for (int i = 1; i <= 4; i++) {
            int digit = at + i < text.length ? Character.digit(text[at + i], 16) : -1;
            if (digit < 0) {
                throw bad("four hexadecimal digits after \\u");
            }
            code = code << 4 | digit;
        }
        at += 5;
        return (char) code;
    }

    /** A whole number from 0 that fits a long. */
    long number() throws Bad {
        char c = peek();
        int from = at;
        if (c < '0' || c > '9') {
            throw bad("a whole number from 0");
        }
        long value = 0;
        for (; at < text.length && text[at] >= '0' && text[at] <= '9'; at++) {
            int digit = text[at] - '0';
            if (value > (Long.MAX_VALUE - digit) / 10) {
                at = from;
                throw bad("a number below 2^63");
            }
            value = 10 * value + digit;
        }
        boolean leadingZero = c == '0' && at - from > 1;
        boolean goesOn = isWord(peekHere());
        if (leadingZero || goesOn) {
            at = from;
            throw bad("a whole number from 0");
        }
        return value;
    }

    /** Makes sure that only white space is left. */
    void end() throws Bad {
        space();
        if (at < text.length) {
            throw bad("nothing after the closing brace");
        }
    }

    private void pass(char wanted, String what) throws Bad {
        if (peek() != wanted) {
            throw bad(what);
        }
        at++;
    }

    /** The next character that is not white space; NUL, which no JSON has there, at the end. */
    private char peek() {
        space();
        return peekHere();
    }

    private char peekHere() {
        return at < text.length ? (char) (text[at] & 0xff) : 0;
    }

    private void space() {
        while (at < text.length) {
            byte c = text[at];
            if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
                return;
            }
            at++;
        }
    }

    private Bad bad(String expected) {
        if (at >= text.length) {
            return new Bad(expected, "the end of the header");
        }
        char c = peekHere();
        if (c <= ' ' || c >= 127) {
            return new Bad(expected, "the byte " + (int) c + " at byte " + at + " of the header");
        }
        int stop = at + 1;
        while (isWord(c) && stop < text.length && stop - at < 30 && isWord((char) text[stop])) {
            stop++;
        }
        String there = new String(text, at, stop - at, StandardCharsets.ISO_8859_1);
        return new Bad(expected, "'" + there + "' at byte " + at + " of the header");
    }

    /** What a number or a literal such as {@code true} is made of. */
    private static boolean isWord(char c) {
        return c >= '0' && c <= '9'
                || c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c == '.'
                || c == '-'
                || c == '+';
    }
}
