package org.diffusionsoup.cli.console;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.io.Unfinished;

/**
 * Turns Ctrl-C (and a plain kill) into a request to stop: long work polls it, saves its state and
 * returns, and only then the process ends.
 */
public final class Interrupt implements BooleanSupplier, AutoCloseable {
    private static final int PATIENCE_SECONDS = 120;

    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook = new Thread(this::request, "interrupt");
    private volatile boolean requested;

    private Interrupt() {}

    /** Listens until closed. */
    public static Interrupt listen() {
        Interrupt i = new Interrupt();
        Unfinished.saving();
        Runtime.getRuntime().addShutdownHook(i.hook);
        return i;
    }

    private void request() {
        requested = true;
        try {
            if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("The work did not stop in time; its last checkpoint counts.");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the process has been asked to stop. */
    @Override
    public boolean getAsBoolean() {
        return requested;
    }

    /** Says that the state is saved. */
    @Override
    public void close() {
        if (finished.getCount() > 0) {
            Unfinished.saved();
        }
        finished.countDown();
        if (!requested) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The process is already ending: the hook runs and finds the work finished.
                requested = true;
            }
        }
    }
}
