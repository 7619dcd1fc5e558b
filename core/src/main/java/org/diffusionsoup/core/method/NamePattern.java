package org.diffusionsoup.core.method;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.diffusionsoup.core.SoupException;

/**
 * Which tensors a rule is about. A tensor's name is its key in the state dict, with its component
 * before it where the model is a diffusers folder: {@code
 * unet.down_blocks.0.resnets.0.conv1.weight}.
 *
 * @param text a glob ({@code *} is any run of characters, dots too, {@code ?} is one) or a regular
 *     expression; either has to fit the whole name
 * @param isRegex whether it is a regular expression
 */
public record NamePattern(String text, boolean isRegex) {
    private static final int LONGEST = 1000;
    private static final int STEPS = 1_000_000;

    /**
     * @throws SoupException if it is empty, too long or no regular expression
     */
    public NamePattern {
        if (text.isEmpty() || text.length() > LONGEST) {
            throw new SoupException(
                    "A tensor-name pattern has 1 to "
                            + LONGEST
                            + " characters, not "
                            + text.length()
                            + ".");
        }
        compile(text, isRegex);
    }

    /** A glob. */
    public static NamePattern glob(String text) {
        return new NamePattern(text, false);
    }

    /** A regular expression. */
    public static NamePattern regex(String text) {
        return new NamePattern(text, true);
    }

    /** A test of names, compiled once. */
    Matcher matcher() {
        Pattern compiled = compile(text, isRegex);
        return name -> {
            try {
                return compiled.matcher(new Bounded(name, text)).matches();
            } catch (StackOverflowError e) {
                throw tooSlow(text);
            }
        };
    }

    /** Whether a name fits. */
    public boolean matches(String name) {
        return matcher().fits(name);
    }

    @FunctionalInterface
    interface Matcher {
        boolean fits(String name);
    }

    private static Pattern compile(String text, boolean isRegex) {
        if (isRegex) {
            try {
                return Pattern.compile(text);
            } catch (PatternSyntaxException e) {
                throw new SoupException(
                        "'" + text + "' is no regular expression: " + e.getDescription() + ".", e);
            }
        }
        StringBuilder regex = new StringBuilder();
        for (char c : text.toCharArray()) {
            switch (c) {
                case '*' -> regex.append(".*");
                case '?' -> regex.append('.');
                default -> regex.append(Pattern.quote(String.valueOf(c)));
            }
        }
        return Pattern.compile(regex.toString(), Pattern.DOTALL);
    }

    private static SoupException tooSlow(String text) {
        return new SoupException(
                "The tensor-name pattern '" + text + "' takes too long to match; simplify it.");
    }

    /** A text that may be looked at only so often: patterns can come out of files by others. */
    private static final class Bounded implements CharSequence {
        private final CharSequence name;
        private final String pattern;
        private int left = STEPS;

        Bounded(CharSequence name, String pattern) {
            this.name = name;
            this.pattern = pattern;
        }

        @Override
        public char charAt(int index) {
            if (left-- == 0) {
                throw tooSlow(pattern);
            }
            return name.charAt(index);
        }

        @Override
        public int length() {
            return name.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return name.subSequence(start, end);
        }

        @Override
        public String toString() {
            return name.toString();
        }
    }
}
