package org.diffusionsoup.registry.gate;

import org.diffusionsoup.core.io.JsonValue.JsonObject;

/** How the texts that an audit drew by compare with those that a model was trained by. */
public enum DrawnTexts {
    /** They are the same. */
    RECORDED("recorded"),
    /** By what texts it was trained is not recorded. */
    UNKNOWN("unknown"),
    /** They are others: such an audit meets no requirement. */
    OTHER("other");

    /** In an audit's result. */
    public static final String FIELD = "texts";

    private final String word;

    DrawnTexts(String word) {
        this.word = word;
    }

    /** As an audit's entry has it. */
    public String word() {
        return word;
    }

    /** Whether an audit's result says so. */
    boolean isOf(JsonObject audit) {
        return audit.string(FIELD).filter(word::equals).isPresent();
    }
}
