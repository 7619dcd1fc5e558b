package org.diffusionsoup.core.method.recipe;

import org.diffusionsoup.core.SoupException;

/** A recipe that cannot be followed; the message names its file and line. */
public final class RecipeException extends SoupException {
    private static final long serialVersionUID = 1L;

    private final int line;

    /**
     * @param where the file, or what else the recipe stands in
     * @param line from 1
     * @param problem what is wrong, without a full stop
     */
    public RecipeException(String where, int line, String problem) {
        super(where + ", line " + line + ": " + problem + ".");
        this.line = line;
    }

    /** The line, from 1. */
    public int line() {
        return line;
    }
}
