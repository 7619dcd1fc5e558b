package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupIoException;

/**
 * A folder for what is needed for a while; it is deleted with all that is in it when it is closed.
 */
public final class WorkFolder implements AutoCloseable {
    private final Path path;

    private WorkFolder(Path path) {
        this.path = path;
    }

    /**
     * A new one where the system keeps such.
     *
     * @param name that the folder's begins with, such as {@code soup-audit-}
     */
    public static WorkFolder make(String name) {
        try {
            return new WorkFolder(Files.createTempDirectory(name));
        } catch (IOException e) {
            throw new SoupIoException("make", Path.of(System.getProperty("java.io.tmpdir")), e);
        }
    }

    /**
     * A new one on the disk of what it is needed for.
     *
     * @param parent an existing folder
     * @param name that the folder's begins with
     */
    public static WorkFolder in(Path parent, String name) {
        try {
            return new WorkFolder(Files.createTempDirectory(parent, name));
        } catch (IOException e) {
            throw new SoupIoException("write into", parent, e);
        }
    }

    /** The folder. */
    public Path path() {
        return path;
    }

    /** Deletes it; what cannot be deleted stays, and says nothing. */
    @Override
    public void close() {
        AtomicFiles.deleteQuietly(path);
    }
}
