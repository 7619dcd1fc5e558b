package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/** Small things with files and folders, failing with the file's name. */
final class Trees {
    private Trees() {}

    static void make(@Nullable Path folder) {
        if (folder != null) {
            try {
                Files.createDirectories(folder);
            } catch (IOException e) {
                throw new SoupIoException("make", folder, e);
            }
        }
    }

    /** Whether there is a file itself: neither a link nor what would not end, such as a pipe. */
    static boolean isFile(Path p) {
        return Files.isRegularFile(p, LinkOption.NOFOLLOW_LINKS);
    }

    /** Deletes a file or a folder with all that is in it; links, not what they lead to. */
    static void delete(Path root) {
        try {
            Files.walkFileTree(
                    root,
                    new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult visitFile(Path f, BasicFileAttributes a)
                                throws IOException {
                            Files.deleteIfExists(f);
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFileFailed(Path f, IOException e)
                                throws IOException {
                            if (e instanceof NoSuchFileException) {
                                return FileVisitResult.CONTINUE;
                            }
                            throw e;
                        }

                        @Override
                        public FileVisitResult postVisitDirectory(Path d, @Nullable IOException e)
                                throws IOException {
                            Files.deleteIfExists(d);
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            throw new SoupIoException("delete", root, e);
        }
    }

    static boolean isYounger(Path p, long millis) {
        try {
            return Files.getLastModifiedTime(p).toMillis() > millis;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw new SoupIoException("read", p, e);
        }
    }

    /**
     * Renames a folder, unless another process has put one with content there first.
     *
     * @return whether it was moved
     */
    static boolean moveUnlessThere(Path from, Path to) {
        Path parent = java.util.Objects.requireNonNull(to.getParent());
        make(parent);
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            // No platform replaces a folder that has content, and each has its own word for it.
            if (Files.isDirectory(from) && Files.isDirectory(to)) {
                return false;
            }
            throw new SoupIoException("write", to, e);
        }
        sync(to);
        sync(parent);
        return true;
    }

    /** Flushes a folder's names; platforms that cannot open a folder skip it. */
    static void sync(Path folder) {
        try (FileChannel c = FileChannel.open(folder, StandardOpenOption.READ)) {
            c.force(true);
        } catch (IOException e) {
            // Windows opens no folders; its renames are journalled.
        }
    }
}
