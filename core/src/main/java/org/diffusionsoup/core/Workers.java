package org.diffusionsoup.core;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Makes the threads that average. They do not keep the program from ending. The factory of {@link
 * Thread.Builder} does the same, but links a field of its own for that at every start
 * (docs/adr/0008-start-up.md).
 */
public final class Workers implements ThreadFactory {
    private final AtomicInteger made = new AtomicInteger();

    private Workers() {}

    /** So many threads, to be shut down by the caller. */
    public static ExecutorService start(int threads) {
        return Executors.newFixedThreadPool(threads, new Workers());
    }

    @Override
    public Thread newThread(Runnable work) {
        Thread thread = new Thread(work, "soup-" + made.getAndIncrement());
        thread.setDaemon(true);
        return thread;
    }
}
