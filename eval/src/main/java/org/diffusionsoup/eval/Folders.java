package org.diffusionsoup.eval;

import java.nio.file.Path;

/** What judges are called after their files. */
final class Folders {
    private Folders() {}

    /** The last part of a path, whichever way it was written. */
    static String name(Path path) {
        Path last = path.toAbsolutePath().normalize().getFileName();
        return last == null ? path.toString() : last.toString();
    }
}
