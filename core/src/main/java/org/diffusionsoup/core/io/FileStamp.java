package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/**
 * What the file system says of a file at one moment, to notice that it is another one, or another
 * content, at a later moment.
 *
 * @param size length in bytes
 * @param modified time of the last change of its content
 * @param key the file system's own identity of the file (of an inode), empty where it has none
 */
public record FileStamp(long size, FileTime modified, Optional<Object> key) {
    public static FileStamp of(Path path) throws IOException {
        BasicFileAttributes a = Files.readAttributes(path, BasicFileAttributes.class);
        return new FileStamp(a.size(), a.lastModifiedTime(), Optional.ofNullable(a.fileKey()));
    }

    /** Field by field: linking a record's own {@code equals} would hold up the end of a merge. */
    private boolean isSame(FileStamp other) {
        return size == other.size && modified.equals(other.modified) && key.equals(other.key);
    }

    /**
     * @throws SoupException if the file at the path is no longer the one of this stamp
     */
    public void check(Path path) {
        String what;
        try {
            FileStamp now = of(path);
            if (isSame(now)) {
                return;
            }
            what =
                    !now.key.equals(key)
                            ? "was replaced by another file"
                            : now.size != size
                                    ? "changed its size from " + size + " to " + now.size + " bytes"
                                    : "was written to";
        } catch (IOException e) {
            what = "could not be found again";
        }
        throw new SoupException(
                path
                        + " "
                        + what
                        + " while it was being read; run the command again when nothing else writes"
                        + " to it.");
    }
}
