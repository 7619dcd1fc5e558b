package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/**
 * Files and folders that appear whole or not at all: written beside the target under a hidden name,
 * flushed to disk, then renamed into place. After any failure (also an unchecked one) what was
 * written is removed and the target is as before.
 */
public final class AtomicFiles {
    private static final AtomicLong COUNTER = new AtomicLong();

    private AtomicFiles() {}

    /** Something that writes, given a channel or folder to write into. */
    @FunctionalInterface
    public interface IoConsumer<T> {
        void accept(T t) throws IOException;
    }

    /**
     * Makes or replaces a file.
     *
     * @throws SoupIoException if writing or renaming fails
     */
    public static void write(Path target, IoConsumer<FileChannel> content) {
        place(target, temp -> fill(temp, content), temp -> moveFile(temp, target));
    }

    /**
     * Makes a file that must not be there yet, not even when the content is written at last: of two
     * that make the same one, the second fails.
     *
     * @throws SoupException if there is a file by then
     * @throws SoupIoException if writing or renaming fails
     */
    public static void writeNew(Path target, IoConsumer<FileChannel> content) {
        place(target, temp -> fill(temp, content), temp -> link(temp, target));
    }

    private static void fill(Path temp, IoConsumer<FileChannel> content) throws IOException {
        try (FileChannel channel =
                FileChannel.open(temp, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            content.accept(channel);
            channel.force(true);
        }
    }

    /** A rename replaces what is there; a second name for a file does not. */
    private static void link(Path temp, Path target) throws IOException {
        try {
            Files.createLink(target, temp);
        } catch (FileAlreadyExistsException e) {
            throw madeMeanwhile(target, e);
        } catch (IOException | UnsupportedOperationException e) {
            move(temp, target); // a file system without links
            return;
        }
        Files.delete(temp);
    }

    /** Makes or replaces a file with these bytes. */
    public static void write(Path target, byte[] content) {
        write(
                target,
                channel -> {
                    ByteBuffer buffer = ByteBuffer.wrap(content);
                    while (buffer.hasRemaining()) {
                        channel.write(buffer);
                    }
                });
    }

    /**
     * Makes a folder; the target must not exist or be an empty folder.
     *
     * @throws SoupException if the target exists with content
     * @throws SoupIoException if writing or renaming fails
     */
    public static void writeFolder(Path target, IoConsumer<Path> content) {
        checkFree(target);
        placeFolder(target, false, content, temp -> moveFolder(temp, target));
    }

    /**
     * Makes a folder, or replaces one of its kind where that is allowed.
     *
     * @throws SoupException as {@link #writeFolder(Path, IoConsumer)} or {@link #replaceFolder}
     */
    public static void writeFolder(
            Path target, OutputKind kind, boolean replace, IoConsumer<Path> content) {
        if (replace) {
            replaceFolder(target, kind, content);
        } else {
            checkFree(target);
            placeFolder(target, kind.listed(), content, temp -> moveFolder(temp, target));
        }
    }

    /**
     * Makes or replaces a folder: an existing one is moved aside, and removed once the new one
     * stands in its place.
     *
     * @param kind what is made; anything of another kind that stands there is left alone
     * @throws SoupException if something else is there, see {@link OutputKind#checkReplaceable}
     * @throws SoupIoException if writing or renaming fails
     */
    public static void replaceFolder(Path target, OutputKind kind, IoConsumer<Path> content) {
        kind.checkThere(target, "");
        placeFolder(target, kind.listed(), content, temp -> swap(temp, target));
    }

    private static void placeFolder(
            Path target, boolean listed, IoConsumer<Path> content, IoConsumer<Path> rename) {
        place(
                target,
                temp -> {
                    Files.createDirectory(temp);
                    content.accept(temp);
                    if (listed) {
                        FolderList.write(temp);
                    }
                    try (Stream<Path> all = Files.walk(temp)) {
                        for (Path p : (Iterable<Path>) all::iterator) {
                            sync(p);
                        }
                    }
                },
                rename);
    }

    private static void place(Path target, IoConsumer<Path> fill, IoConsumer<Path> rename) {
        checkNamed(target);
        ProjectFiles.check(target); // whatever a caller forgot to check
        refuseLink(target);
        Path parent = parentOf(target);
        Deque<Path> made = new ArrayDeque<>();
        Path temp = hidden(target, "tmp");
        Unfinished.add(temp);
        boolean done = false;
        try {
            makeFolders(parent, made);
            fill.accept(temp);
            rename.accept(temp);
            done = true;
            sync(parent);
        } catch (IOException e) {
            throw new SoupIoException("write", target, e);
        } finally {
            if (!done) {
                deleteQuietly(temp);
                // Deepest first; a folder that someone else has used meanwhile stays.
                made.forEach(AtomicFiles::deleteIfEmpty);
            }
            Unfinished.remove(temp);
        }
    }

    /** A rename would put a file where the link was: /dev/stdout is one. */
    static void refuseLink(Path target) {
        if (!Files.isSymbolicLink(target)) {
            return;
        }
        String place;
        try {
            place = ", " + target.toRealPath();
        } catch (IOException e) {
            place = ""; // it leads nowhere
        }
        throw new SoupException(
                target + " is a link, and would be replaced; name the place itself" + place + ".");
    }

    /**
     * Checks that something can be made at a place: its folder is one that can be written to, or
     * can be made.
     *
     * @throws SoupException naming what is in the way
     */
    static void checkFolder(Path target) {
        Path folder = parentOf(target);
        while (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS) && folder.getParent() != null) {
            folder = folder.getParent();
        }
        if (!Files.isDirectory(folder)) {
            throw new SoupException(
                    "Cannot write "
                            + target
                            + ": "
                            + folder
                            + " is no folder; name another `out`.");
        }
        if (!Files.isWritable(folder)) {
            throw new SoupException(
                    "Cannot write "
                            + target
                            + ": nothing may be made in "
                            + folder
                            + "; name another `out`.");
        }
    }

    private static void swap(Path temp, Path target) throws IOException {
        if (!Files.exists(target)) {
            move(temp, target);
            return;
        }
        Path old = hidden(target, "old");
        move(target, old);
        try {
            move(temp, target);
        } catch (IOException e) {
            move(old, target);
            throw e;
        }
        deleteQuietly(old);
    }

    private static void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** No rename puts a file in the place of a folder; an empty one holds nothing to lose. */
    private static void moveFile(Path from, Path to) throws IOException {
        try {
            move(from, to);
        } catch (IOException e) {
            if (!Files.isDirectory(to, LinkOption.NOFOLLOW_LINKS) || !FileContent.isEmpty(to)) {
                throw e;
            }
            Files.delete(to);
            move(from, to);
        }
    }

    /** An empty folder is replaced; nothing else is. */
    private static void moveFolder(Path from, Path to) throws IOException {
        try {
            move(from, to);
        } catch (IOException e) {
            if (Files.exists(to)) {
                throw madeMeanwhile(to, e);
            }
            throw e;
        }
    }

    private static SoupException madeMeanwhile(Path target, IOException e) {
        return new SoupException(
                target
                        + " was made by somebody else meanwhile, and is left as it is; name"
                        + " another `out`, or add `force` to replace it.",
                e);
    }

    private static void checkFree(Path target) {
        if (!Files.exists(target)) {
            return;
        }
        boolean free = false;
        if (Files.isDirectory(target)) {
            try (Stream<Path> inside = Files.list(target)) {
                free = inside.findAny().isEmpty();
            } catch (IOException e) {
                throw new SoupIoException("read", target, e);
            }
        }
        if (!free) {
            throw new SoupIoException(
                    "write", target, new FileAlreadyExistsException(target.toString()));
        }
    }

    /** A rename needs a name: the folder {@code a/b/..} has none that could be moved aside. */
    private static void checkNamed(Path target) {
        String name = String.valueOf(target.getFileName());
        if (name.equals(".") || name.equals("..") || name.isEmpty()) {
            throw new SoupException(
                    "Cannot write '%s': it ends in no name; give the folder's own, such as %s."
                            .formatted(target, target.toAbsolutePath().normalize()));
        }
    }

    private static Path parentOf(Path target) {
        Path parent = target.toAbsolutePath().getParent();
        if (parent == null) {
            throw new SoupException("Cannot write " + target + ": it names no file.");
        }
        return parent;
    }

    /** A name in the same folder that no other process and no other call uses. */
    private static Path hidden(Path target, String what) {
        Path parent = parentOf(target);
        while (true) {
            String suffix = ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
            Path p = parent.resolve("." + target.getFileName() + "." + what + "-" + suffix);
            if (!Files.exists(p)) {
                return p;
            }
        }
    }

    static void makeFolders(Path folder, Deque<Path> made) throws IOException {
        if (Files.isDirectory(folder)) {
            return;
        }
        Path parent = folder.getParent();
        if (parent != null) {
            makeFolders(parent, made);
        }
        try {
            Files.createDirectory(folder);
            made.push(folder);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
        }
    }

    /** Flushes a file or folder; platforms that cannot open a folder for reading skip it. */
    private static void sync(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            try (FileChannel c = FileChannel.open(path, StandardOpenOption.READ)) {
                c.force(true);
            } catch (IOException e) {
                // Windows opens no folders; its renames are journalled.
            }
        } else if (Files.isRegularFile(path)) {
            try (FileChannel c = FileChannel.open(path, StandardOpenOption.WRITE)) {
                c.force(true);
            }
        }
    }

    static void deleteIfEmpty(Path folder) {
        try {
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            // In use by others: leaving it is right.
        }
    }

    static void deleteQuietly(Path root) {
        if (!Files.exists(root)) {
            return;
        }
        try {
            Files.walkFileTree(
                    root,
                    new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult visitFile(Path f, BasicFileAttributes a)
                                throws IOException {
                            Files.delete(f);
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult postVisitDirectory(Path d, @Nullable IOException e)
                                throws IOException {
                            Files.delete(d);
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            // The first failure is the one to report; a rest under a hidden name does no harm.
        }
    }
}
