package org.diffusionsoup.cli.command;

import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;

/** What the data commands have in common about what they write and print. */
final class DataOutput {
    private DataOutput() {}

    /** Refuses to replace a file or folder that is there, unless told to. */
    static void checkFree(Path out, boolean force) {
        if (Files.isDirectory(out)) {
            throw new SoupException(out + " is a folder; give --out the path of a file.");
        }
        checkAbsent(out, force);
    }

    /** As {@link #checkFree}, for a folder to write. */
    static void checkAbsent(Path out, boolean force) {
        if (Files.exists(out) && !force) {
            throw new SoupException(
                    out + " already exists; choose another --out or allow it with --force.");
        }
    }

    /** A provider or licence in words: tars of other tools may state none. */
    static String orUnstated(String value) {
        return value.isEmpty() ? "(not stated)" : value;
    }
}
