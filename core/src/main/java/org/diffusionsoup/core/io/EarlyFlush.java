package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * Sends a file to the disk while it is still being written, so that the flush that makes it safe at
 * the end finds little left to do. Failures are left to that last flush, which meets them again.
 */
public final class EarlyFlush implements AutoCloseable {
    /** Less than this at a time is not worth the call. */
    private static final long STEP = 64L << 20;

    private final FileChannel file;
    private final Thread thread;
    private long pending;
    private boolean closed;

    /**
     * @param file which stays open, and is flushed once more at the end by whoever opened it
     */
    public EarlyFlush(FileChannel file) {
        this.file = file;
        this.thread = Thread.ofPlatform().daemon().name("soup-flush").start(this::run);
    }

    /** Tells that more bytes have been written. */
    public synchronized void wrote(long bytes) {
        pending += bytes;
        if (pending >= STEP) {
            notifyAll();
        }
    }

    private void run() {
        while (next()) {
            try {
                file.force(false);
            } catch (IOException e) {
                return;
            }
        }
    }

    private synchronized boolean next() {
        while (pending < STEP && !closed) {
            try {
                wait();
            } catch (InterruptedException e) {
                return false;
            }
        }
        pending = 0;
        return !closed;
    }

    /** Waits for a flush that is under way. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
