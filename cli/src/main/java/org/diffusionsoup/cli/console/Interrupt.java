package org.diffusionsoup.cli.console;

import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.io.Unfinished;

/**
 * Turns Ctrl-C (and a plain kill) into a request to stop: long work polls it, saves its state and
 * returns, the command says so with {@link Console#stopped}, and only then the process ends.
 */
public final class Interrupt implements BooleanSupplier, AutoCloseable {
    private final Farewell farewell;
    private boolean listening = true;

    private Interrupt(Farewell farewell) {
        this.farewell = farewell;
    }

    /** Listens until closed. */
    public static Interrupt listen(Console console) {
        Interrupt i = new Interrupt(console.farewell());
        Unfinished.saving();
        i.farewell.leaveToTheWork(true);
        return i;
    }

    /** Whether the process has been asked to stop. */
    @Override
    public boolean getAsBoolean() {
        return farewell.isRequested();
    }

    /** Says that the state is saved. */
    @Override
    public void close() {
        if (listening) {
            listening = false;
            Unfinished.saved();
            if (!farewell.isRequested()) {
                farewell.leaveToTheWork(false);
            }
        }
    }
}
