package org.diffusionsoup.workbench.demo;

import java.util.function.BooleanSupplier;
import org.diffusionsoup.workbench.Progress;

/** Ends work that has nothing to save, such as drawing, at its next report. */
record StoppableProgress(Progress told, BooleanSupplier stop) implements Progress {
    /** The work was asked to stop. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Stopped() {
            super("stopped", null, false, false);
        }
    }

    private void check() {
        if (stop.getAsBoolean()) {
            throw new Stopped();
        }
    }

    @Override
    public void start(String task, long total, String unit) {
        check();
        told.start(task, total, unit);
    }

    @Override
    public void advance(long units) {
        told.advance(units);
        check();
    }

    @Override
    public void message(String note) {
        told.message(note);
        check();
    }

    @Override
    public void close() {
        told.close();
    }
}
