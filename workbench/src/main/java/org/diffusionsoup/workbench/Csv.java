package org.diffusionsoup.workbench;

/** Cells of tables as comma-separated values (RFC 4180). */
public final class Csv {
    private Csv() {}

    /** A text in quotes, whatever is in it. */
    public static String quoted(String text) {
        return '"' + text.replace("\"", "\"\"") + '"';
    }
}
