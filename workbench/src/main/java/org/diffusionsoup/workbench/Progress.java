package org.diffusionsoup.workbench;

/**
 * What a use case tells about how far it is. A use case calls {@link #start} at the beginning of
 * each task, {@link #advance} as work is done, and {@link #close} at the end; who shows it, and
 * where, is the caller's matter.
 */
public interface Progress extends AutoCloseable {

    /**
     * Begins a task and ends the one before it, if any.
     *
     * @param task what is done, in a few words, for example {@code "train noto"}
     * @param total how many units the task has; 0 where that is not known
     * @param unit the unit's name as written after a number, for example {@code "images"}
     */
    void start(String task, long total, String unit);

    /** Adds finished units, at least 0, to the running task. */
    void advance(long units);

    /**
     * Counts units of the running task that an earlier run had done; they are no part of its rate.
     */
    default void skip(long units) {
        advance(units);
    }

    /** Sets a short note shown beside the running task, for example {@code "loss 0.1234"}. */
    void message(String note);

    /**
     * Says a sentence that stays, such as from where a run goes on; it ends the running task.
     *
     * @param sentence with a full stop
     */
    default void tell(String sentence) {}

    /** Ends the running task, if any. Never throws. */
    @Override
    void close();

    /** A progress that shows nothing. */
    static Progress silent() {
        return new Progress() {
            @Override
            public void start(String task, long total, String unit) {}

            @Override
            public void advance(long units) {}

            @Override
            public void message(String note) {}

            @Override
            public void close() {}
        };
    }
}
