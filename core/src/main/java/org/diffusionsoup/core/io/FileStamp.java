package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.diffusionsoup.core.SoupException;

/**
 * What the file system says of a file at one moment, to notice that it is another one, or another
 * content, at a later moment.
 *
 * @param size length in bytes
 * @param modified time of the last change of its content, which anybody can set
 * @param changed time of the last change of content, name or attributes, which nobody can set back
 *     (POSIX: ctime); empty where the file system has none
 * @param key the file system's own identity of the file (of an inode), empty where it has none
 */
public record FileStamp(
        long size, FileTime modified, Optional<FileTime> changed, Optional<Object> key) {
    private static final String UNIX = "unix";

    public static FileStamp of(Path path) throws IOException {
        if (!path.getFileSystem().supportedFileAttributeViews().contains(UNIX)) {
            BasicFileAttributes a = Files.readAttributes(path, BasicFileAttributes.class);
            return new FileStamp(
                    a.size(),
                    a.lastModifiedTime(),
                    Optional.empty(),
                    Optional.ofNullable(a.fileKey()));
        }
        Map<String, Object> a =
                Files.readAttributes(path, UNIX + ":size,lastModifiedTime,ctime,fileKey");
        if (!(a.get("size") instanceof Long size)
                || !(a.get("lastModifiedTime") instanceof FileTime modified)) {
            throw new IOException("no size and time of " + path);
        }
        return new FileStamp(
                size,
                modified,
                Optional.ofNullable(a.get("ctime")).map(FileTime.class::cast),
                Optional.ofNullable(a.get("fileKey")));
    }

    /** Whether nothing had changed the file for so long, at a moment. */
    boolean isAtRest(Instant at, Duration rest) {
        Instant last = changed.orElse(modified).toInstant();
        Instant latest = last.isAfter(modified.toInstant()) ? last : modified.toInstant();
        return latest.plus(rest).isBefore(at);
    }

    /** All of it in one line, the same for the same stamp. */
    public String line() {
        return size
                + " "
                + modified.to(TimeUnit.NANOSECONDS)
                + " "
                + changed.map(t -> String.valueOf(t.to(TimeUnit.NANOSECONDS))).orElse("-")
                + " "
                + key.map(Object::toString).orElse("-");
    }

    /**
     * @throws SoupException if the file at the path is no longer the one of this stamp
     */
    public void check(Path path) {
        String what;
        try {
            FileStamp now = of(path);
            if (equals(now)) {
                return;
            }
            what =
                    !now.key.equals(key)
                            ? "was replaced by another file"
                            : now.size != size
                                    ? "changed its size from " + size + " to " + now.size + " bytes"
                                    : modified.equals(now.modified)
                                            ? "was written to, or renamed or linked,"
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
