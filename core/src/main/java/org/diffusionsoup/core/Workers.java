package org.diffusionsoup.core;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Makes the threads that average, and has them work. They do not keep the program from ending. The
 * factory of {@link Thread.Builder} does the same, but links a field of its own for that at every
 * start (docs/adr/0008-start-up.md).
 */
public final class Workers implements ThreadFactory {
    private final AtomicInteger made = new AtomicInteger();

    private Workers() {}

    /** So many threads, to be shut down by the caller. */
    public static ExecutorService start(int threads) {
        return Executors.newFixedThreadPool(threads, new Workers());
    }

    /**
     * Has several threads do the same work, each told its number from 0 on; returns, or throws,
     * when all have ended, so that memory they work in may be freed then.
     *
     * @param workers with as many threads
     * @param stop called once anything failed: the others should come to an end
     * @throws ExecutionException of the first by number that failed
     */
    public static void together(ExecutorService workers, int count, IntConsumer work, Runnable stop)
            throws InterruptedException, ExecutionException {
        List<Future<?>> running = new ArrayList<>();
        boolean complete = false;
        try {
            for (int i = 0; i < count; i++) {
                int number = i;
                running.add(workers.submit(() -> work.accept(number)));
            }
            for (Future<?> f : running) {
                f.get();
            }
            complete = true;
        } finally {
            if (!complete) {
                stop.run();
                running.forEach(Workers::awaitEnd);
            }
        }
    }

    /** Waits until work has ended, whether it fails or not; an interrupt is kept for later. */
    public static void awaitEnd(Future<?> work) {
        boolean interrupted = false;
        while (true) {
            try {
                work.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException e) {
                break; // told of elsewhere
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public Thread newThread(Runnable work) {
        Thread thread = new Thread(work, "soup-" + made.getAndIncrement());
        thread.setDaemon(true);
        return thread;
    }
}
