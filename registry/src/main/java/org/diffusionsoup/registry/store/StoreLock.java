package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the collector of garbage away from those who are adding: they hold the lock together from
 * their first object to their entry in the ledger, the collector holds it alone. The operating
 * system frees a killed process's share.
 */
final class StoreLock {
    /** Locks on a file belong to the whole process, so its threads share one. */
    private static final Map<Path, StoreLock> LOCKS = new ConcurrentHashMap<>();

    private final Path file;
    private final ReentrantReadWriteLock threads = new ReentrantReadWriteLock(true);
    private int holders;
    private @Nullable FileChannel channel;
    private @Nullable FileLock held;

    private StoreLock(Path file) {
        this.file = file;
    }

    static StoreLock of(Path file) {
        return LOCKS.computeIfAbsent(file.toAbsolutePath().normalize(), StoreLock::new);
    }

    /** A held lock; closing frees it, in the thread that took it. */
    interface Held extends AutoCloseable {
        @Override
        void close();
    }

    Held shared() {
        threads.readLock().lock();
        boolean done = false;
        try {
            acquire(true);
            done = true;
            return () -> {
                try {
                    release();
                } finally {
                    threads.readLock().unlock();
                }
            };
        } finally {
            if (!done) {
                threads.readLock().unlock();
            }
        }
    }

    /**
     * A share for someone who only reads: of a lock that cannot be written, or where there is none
     * and none can be made, as much as there is.
     */
    Held sharedIfPossible() {
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isWritable(file)
                || (!Files.exists(file) && folder != null && Files.isWritable(folder))) {
            return shared();
        }
        try {
            FileChannel c = FileChannel.open(file, StandardOpenOption.READ);
            FileLock lock = c.lock(0, Long.MAX_VALUE, true);
            return () -> {
                try (c) {
                    lock.release();
                } catch (IOException e) {
                    throw new SoupIoException("unlock", file, e);
                }
            };
        } catch (IOException | OverlappingFileLockException e) {
            return () -> {}; // nobody who collects garbage could get at it either
        }
    }

    Held alone() {
        threads.writeLock().lock();
        boolean done = false;
        try {
            acquire(false);
            done = true;
            return () -> {
                try {
                    release();
                } finally {
                    threads.writeLock().unlock();
                }
            };
        } finally {
            if (!done) {
                threads.writeLock().unlock();
            }
        }
    }

    private synchronized void acquire(boolean shared) {
        if (holders == 0) {
            try {
                FileChannel c =
                        FileChannel.open(
                                file,
                                StandardOpenOption.CREATE,
                                StandardOpenOption.READ,
                                StandardOpenOption.WRITE);
                channel = c;
                held = c.lock(0, Long.MAX_VALUE, shared);
            } catch (IOException e) {
                throw new SoupIoException("lock", file, e);
            }
        }
        holders++;
    }

    private synchronized void release() {
        holders--;
        FileChannel c = channel;
        if (holders == 0 && c != null) {
            try {
                c.close(); // frees the lock
            } catch (IOException e) {
                throw new SoupIoException("unlock", file, e);
            } finally {
                channel = null;
                held = null;
            }
        }
    }
}
