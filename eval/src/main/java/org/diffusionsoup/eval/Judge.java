package org.diffusionsoup.eval;

import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Who gave a score, exactly enough that two numbers are comparable if and only if their judges are
 * equal.
 *
 * @param name what it is, for a reader: {@code CLIP models/emoji-base}
 * @param weightsSha256 SHA-256 of the weights file, 64 hexadecimal digits
 * @param convention scale, preprocessing and truncation: {@code raw cosine, captions cut to 77
 *     tokens}
 */
public record Judge(String name, String weightsSha256, String convention) {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /**
     * @throws EvalException if a part is blank or the hash is not 64 hexadecimal digits
     */
    public Judge {
        weightsSha256 = weightsSha256.toLowerCase(Locale.ROOT);
        if (name.isBlank() || convention.isBlank()) {
            throw new EvalException("A judge needs a name and a convention; one of them is blank.");
        }
        if (!SHA256.matcher(weightsSha256).matches()) {
            throw new EvalException(
                    "The weights' hash of judge '%s' is '%s', which is not a SHA-256 in hexadecimal."
                            .formatted(name, weightsSha256));
        }
    }

    /** The first twelve digits of the hash, for tables. */
    public String shortHash() {
        return weightsSha256.substring(0, 12);
    }

    /**
     * Refuses a score of another judge.
     *
     * @throws EvalException if {@code other} is not this judge, naming what differs
     */
    public void requireSame(Judge other) {
        if (!equals(other)) {
            throw new EvalException(
                    "Scores of different judges cannot be compared: %s and %s. Score both models with"
                                    .formatted(this, other)
                            + " the same judge.");
        }
    }

    @Override
    public String toString() {
        return "%s (weights %s, %s)".formatted(name, shortHash(), convention);
    }
}
