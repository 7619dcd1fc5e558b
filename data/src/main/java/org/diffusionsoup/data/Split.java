package org.diffusionsoup.data;

import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/** Which rows a model may learn from. */
public enum Split {
    /** Rows a model is trained on. */
    TRAIN,
    /** Rows kept from training, for judging. A subject is held out for all providers at once. */
    HELDOUT;

    /** The lower-case word used in files and views: {@code train} or {@code heldout}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The split that other people's words mean, those of Hugging Face's imagefolder ({@code
     * training}; {@code validation}, {@code valid}, {@code val}, {@code dev}, {@code test}, {@code
     * testing}, {@code eval}, {@code evaluation}) in any case.
     *
     * @param where what holds the word, for the message
     * @throws SoupException if it is no such word
     */
    static Split meant(String word, String where) {
        return known(word)
                .orElseThrow(() ->
                        new SoupException(
                                where + " has the split \"" + word + "\"; use train or heldout"));
    }

    /** The same; empty if it is no such word. */
    static Optional<Split> known(String word) {
        return switch (word.strip().toLowerCase(Locale.ROOT)) {
            case "train", "training" -> Optional.of(TRAIN);
            case "heldout",
                    "validation",
                    "valid",
                    "val",
                    "dev",
                    "test",
                    "testing",
                    "eval",
                    "evaluation" ->
                    Optional.of(HELDOUT);
            default -> Optional.empty();
        };
    }

    /**
     * Reads the lower-case word.
     *
     * @throws SoupException if it is neither {@code train} nor {@code heldout}
     */
    public static Split parse(String word) {
        for (Split split : values()) {
            if (split.word().equals(word)) {
                return split;
            }
        }
        throw new SoupException("split \"" + word + "\" is unknown; use train or heldout");
    }
}
