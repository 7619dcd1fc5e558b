package org.diffusionsoup.data;

/** Told how far a long job has come. Called from the thread that does the work. */
@FunctionalInterface
public interface ProgressListener {
    /** Ignores everything. */
    ProgressListener NONE = (stage, done, total) -> {};

    /**
     * One step is done.
     *
     * @param stage what is being done, such as {@code noto}
     * @param done steps finished in this stage, 1 to {@code total}
     * @param total steps of this stage
     */
    void progress(String stage, long done, long total);
}
