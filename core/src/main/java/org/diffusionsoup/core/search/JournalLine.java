package org.diffusionsoup.core.search;

import java.nio.charset.StandardCharsets;
import org.diffusionsoup.core.io.Hashes;

/**
 * A line of a journal, a JSON object, with SHA-256 of the journal's first line and of itself as its
 * last field: so neither a changed line nor one of another search is taken for what was noted.
 */
final class JournalLine {
    static final String CHECK = "sha256";
    private static final String FIELD = ",\"" + CHECK + "\":\"";

    private JournalLine() {}

    /**
     * Adds the checksum.
     *
     * @param header first line of the journal
     * @param content an object with a field or more
     */
    static String checked(String header, String content) {
        String hash = Hashes.sha256Hex((header + "\n" + content).getBytes(StandardCharsets.UTF_8));
        return content.substring(0, content.length() - 1) + FIELD + hash + "\"}";
    }

    /** A line without its checksum, right or wrong. */
    static String content(String line) {
        int at = line.lastIndexOf(FIELD);
        return at < 0 ? line : line.substring(0, at) + "}";
    }
}
