package org.diffusionsoup.diffusion.torch;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.io.Unfinished;

/**
 * Lets computation come to rest before the process ends. A JVM that is asked to end (Ctrl-C, a
 * plain kill, {@code System.exit}) runs libtorch's destructors while its other threads still
 * compute, and dies of it. So a thread waits for ever at its next tensor, and the end waits until
 * none computes.
 *
 * <p>Work that saves its state when it is asked to stop ({@link Unfinished#saving}) goes on until
 * it has done so.
 */
final class Ending {
    private static final long PATIENCE_NANOS = 120_000_000_000L;
    private static final long POLL_NANOS = 5_000_000L;
    private static final String OURS = "org.diffusionsoup.diffusion.";
    private static final String NATIVE = "org.bytedeco.";

    private static volatile boolean ending;

    private Ending() {}

    /** Waits for the end of the process, once. */
    static void listen() {
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(Ending::comeToRest, "rest"));
        } catch (IllegalStateException e) {
            // It is ending already, before anything was computed. What saves its state is waited
            // for,
            // and needs tensors for it.
            ending = !Unfinished.isSaving();
        }
    }

    /** Between two operations: goes on, or, in a process that ends, never does. */
    static void pass() {
        if (ending) {
            while (true) {
                LockSupport.park();
            }
        }
    }

    private static void comeToRest() {
        long start = System.nanoTime();
        await(() -> !Unfinished.isSaving(), start);
        ending = true;
        await(() -> !isComputing(), start);
    }

    private static void await(BooleanSupplier done, long start) {
        while (!done.getAsBoolean() && System.nanoTime() - start < PATIENCE_NANOS) {
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /**
     * Whether a thread is inside this module or libtorch. One that waits there, for others or for
     * ever, computes nothing.
     */
    private static boolean isComputing() {
        for (var thread : Thread.getAllStackTraces().entrySet()) {
            if (thread.getKey() == Thread.currentThread()
                    || thread.getKey().getState() != Thread.State.RUNNABLE) {
                continue;
            }
            for (StackTraceElement frame : thread.getValue()) {
                String in = frame.getClassName();
                if (in.startsWith(OURS) || in.startsWith(NATIVE)) {
                    return true;
                }
            }
        }
        return false;
    }
}
