package org.diffusionsoup.core.io;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/**
 * A folder in which one run works at a time. The operating system holds the lock, on a file in the
 * folder, and lets go of it when the process ends, however it ends: a file that a kill has left
 * behind locks nobody out.
 */
public final class FolderLock implements AutoCloseable {
    /** Name of the locked file; it holds the number of the process. */
    public static final String NAME = ".in-use";

    /**
     * What this process holds: closing any channel of a file would let go of all the locks that the
     * process has on it, so a second one is never opened.
     */
    private static final Set<Path> HELD = new HashSet<>();

    private static final Object NONE = new Object();
    private static final Set<StandardOpenOption> OPTIONS =
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);

    private final Path file;
    private final FileChannel channel;
    private final Deque<Path> made;
    private boolean closed;

    private FolderLock(Path file, FileChannel channel, Deque<Path> made) {
        this.file = file;
        this.channel = channel;
        this.made = made;
    }

    /**
     * Takes a folder, and makes it where it is not there.
     *
     * @throws SoupException if another run has it, with its process
     * @throws SoupIoException if the folder cannot be written
     */
    public static FolderLock hold(Path folder) {
        Path place = folder.toAbsolutePath().normalize();
        Deque<Path> made = new ArrayDeque<>();
        try {
            AtomicFiles.makeFolders(place, made);
            Path file = place.toRealPath().resolve(NAME);
            synchronized (HELD) {
                if (!HELD.add(file)) {
                    throw inUse(folder, "this process");
                }
                FileChannel channel = null;
                try {
                    channel = locked(folder, file);
                } catch (IOException e) {
                    Files.deleteIfExists(
                            file); // written by nobody: a disk that is full took the name
                    throw e;
                } finally {
                    if (channel == null) {
                        HELD.remove(file);
                    }
                }
                return new FolderLock(file, Objects.requireNonNull(channel), made);
            }
        } catch (IOException e) {
            made.forEach(AtomicFiles::deleteIfEmpty);
            throw new SoupIoException("work in", folder, e);
        }
    }

    private static FileChannel locked(Path folder, Path file) throws IOException {
        while (true) {
            // Its last owner removes the file: what is locked has to be what is there then.
            Object before = key(file);
            try (Closing open = new Closing(FileChannel.open(file, OPTIONS))) {
                if (open.channel.tryLock() == null) {
                    throw inUse(folder, owner(open.channel));
                }
                if (Objects.equals(before, key(file)) && before != NONE) {
                    byte[] number = Long.toString(ProcessHandle.current().pid()).getBytes(UTF_8);
                    open.channel.truncate(0);
                    open.channel.write(ByteBuffer.wrap(number), 0);
                    return open.keep();
                }
            }
        }
    }

    /** Which file has this name; asked without opening it, see {@link #HELD}. */
    private static @Nullable Object key(Path file) throws IOException {
        try {
            return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return NONE;
        }
    }

    /** Closes a channel unless it is kept. */
    private static final class Closing implements AutoCloseable {
        final FileChannel channel;
        private boolean kept;

        Closing(FileChannel channel) {
            this.channel = channel;
        }

        FileChannel keep() {
            kept = true;
            return channel;
        }

        @Override
        public void close() throws IOException {
            if (!kept) {
                channel.close();
            }
        }
    }

    private static String owner(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(20);
        channel.read(text, 0);
        String number = new String(text.array(), 0, text.position(), UTF_8);
        return number.isBlank() ? "another process" : "process " + number.strip();
    }

    private static SoupException inUse(Path folder, String owner) {
        return new SoupException(
                "%s is in use by another run (%s); wait until that one has ended, or give this one another place."
                        .formatted(folder, owner));
    }

    /** Whether a folder holds nothing but what a killed run's lock has left. */
    public static boolean isAllOf(Path folder) {
        if (!Files.isRegularFile(folder.resolve(NAME))) {
            return false;
        }
        try (Stream<Path> inside = Files.list(folder)) {
            return inside.count() == 1;
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /**
     * Lets go of the folder, and removes it, with what {@link #hold} has made above it, if it is
     * empty.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        synchronized (HELD) {
            HELD.remove(file);
            @Nullable IOException failure = null;
            try {
                Files.deleteIfExists(file); // while it is locked: nobody else can have it yet
            } catch (IOException e) {
                failure = e;
            }
            try {
                channel.close();
            } catch (IOException e) {
                failure = e;
            }
            Path folder = Objects.requireNonNull(file.getParent(), "a file in the folder");
            // A finished training leaves nothing in it, be it one that was gone on with.
            AtomicFiles.deleteIfEmpty(folder);
            made.forEach(AtomicFiles::deleteIfEmpty);
            if (failure != null && Files.isDirectory(folder)) {
                throw new SoupIoException("let go of", file, failure);
            }
        }
    }
}
