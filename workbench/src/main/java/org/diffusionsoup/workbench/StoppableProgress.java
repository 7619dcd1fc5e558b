package org.diffusionsoup.workbench;

import java.util.function.BooleanSupplier;
import org.diffusionsoup.core.SoupException;

/**
 * Ends work that has nothing to save, such as drawing or reading pictures, at its next report, by
 * an exception. Never give it to work that saves its state when it is asked to stop.
 *
 * @param told what is told of it all
 * @param stop polled at each report
 */
public record StoppableProgress(Progress told, BooleanSupplier stop) implements Progress {
    /** The work was asked to stop. */
    public static final class Stopped extends SoupException {
        private static final long serialVersionUID = 1L;

        public Stopped() {
            super("stopped", false);
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
    public void skip(long units) {
        told.skip(units);
        check();
    }

    @Override
    public void message(String note) {
        told.message(note);
        check();
    }

    @Override
    public void tell(String sentence) {
        told.tell(sentence);
        check();
    }

    @Override
    public void close() {
        told.close();
    }
}
