package org.diffusionsoup.core;

/** Told how far a soup is, always from the thread that makes it. */
@FunctionalInterface
public interface SoupProgress {
    /** Ignores everything. */
    SoupProgress NONE = (what, done, total) -> {};

    /**
     * @param what the step, such as {@code hashing} or {@code averaging}
     * @param done bytes of this step that are done, never falling within a step
     * @param total bytes of this step
     */
    void update(String what, long done, long total);
}
