package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;

/**
 * Keeps pipes out of where a file is needed: whoever opens a pipe that nobody writes to waits for
 * ever, and what came through one cannot be read again.
 */
public final class Pipes {
    private static final int TYPE = 0170000;
    private static final int PIPE = 0010000;

    private Pipes() {}

    /**
     * Refuses a pipe; anything else, or nothing, is left to who opens it.
     *
     * @throws SoupException naming the pipe and what to do
     */
    public static void refuse(Path path) {
        if (isOne(path)) {
            throw new SoupException(
                    path + " is a pipe, not a file: write it to a file first, and name that.");
        }
    }

    private static boolean isOne(Path path) {
        if (Files.isRegularFile(path) || Files.isDirectory(path) || !Files.exists(path)) {
            return false;
        }
        try {
            return Files.getAttribute(path, "unix:mode") instanceof Integer mode
                    && (mode & TYPE) == PIPE;
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return false; // systems without pipes among their files
        }
    }
}
