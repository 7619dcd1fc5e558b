package org.diffusionsoup.core;

import java.nio.file.Path;

/**
 * A checkpoint file that breaks its format: which file, where in it (a tensor's name or a byte
 * offset), what the format asks for there and what the file holds.
 */
public final class MalformedCheckpointException extends SoupException {
    private static final long serialVersionUID = 1L;
    private static final int SHOWN = 200;

    private final transient Path file;
    private final String where;
    private final String expected;
    private final String actual;

    public MalformedCheckpointException(Path file, String where, String expected, String actual) {
        super(
                "Malformed checkpoint "
                        + file
                        + ", "
                        + clip(where)
                        + ": expected "
                        + clip(expected)
                        + ", found "
                        + clip(actual)
                        + "; download or export the file again.");
        this.file = file;
        this.where = where;
        this.expected = expected;
        this.actual = actual;
    }

    /** The file that was read. */
    public Path file() {
        return file;
    }

    /** The tensor (as {@code tensor 'name'}) or the part of the file concerned. */
    public String where() {
        return where;
    }

    /** What the format asks for. */
    public String expected() {
        return expected;
    }

    /** What the file holds instead. */
    public String actual() {
        return actual;
    }

    /** Hostile headers can hold names of many megabytes; a sentence must stay readable. */
    public static String clip(String s) {
        String line = s.replaceAll("\\p{Cntrl}+", " ");
        return line.length() <= SHOWN ? line : line.substring(0, SHOWN) + "...";
    }
}
