package org.diffusionsoup.core.soup.average;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.function.IntConsumer;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.Workers;

/**
 * The threads that read ingredients and compute together.
 *
 * @param workers as many of them
 */
public record WorkerTeam(ExecutorService workers, int threads) {
    /**
     * Has several threads do the same work, each told its number; returns when all have ended. One
     * alone is the caller.
     *
     * @param count at most {@link #threads}
     * @throws SoupException of the one that failed
     */
    public void together(int count, IntConsumer work) {
        if (count <= 1) {
            work.accept(0);
            return;
        }
        try {
            Workers.together(workers, count, work, () -> {});
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SoupException("Interrupted while reading an ingredient.", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof SoupException s
                    ? s
                    : new SoupException("Reading failed: " + e.getCause(), e);
        }
    }
}
