package org.diffusionsoup.workbench;

import java.util.function.BooleanSupplier;
import java.util.function.Function;
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

    /**
     * Does work up to a training, such as reading pictures, and the training itself.
     *
     * @param work gets this progress for what has nothing to save; the training is not told by it,
     *     since it saves its state when it is asked to stop
     * @param stopped what to return if the work ended at one of its reports
     * @return what the work returns
     */
    public <T> T unlessStopped(Function<Progress, T> work, T stopped) {
        try {
            return work.apply(this);
        } catch (Stopped e) {
            return stopped;
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
