package org.diffusionsoup.cli.console;

import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.workbench.Progress;

/** A souper's steps, told in bytes, as tasks in whole megabytes. */
public final class MegabyteSteps implements SoupProgress {
    private static final long UNIT = 1_000_000;

    private final CountedSteps megabytes;

    /** Passes everything on to the given progress. */
    public MegabyteSteps(Progress progress) {
        megabytes = new CountedSteps(progress, "MB");
    }

    @Override
    public void update(String what, long done, long total) {
        long all = Math.max(1, Math.round((double) total / UNIT)); // as a file's size is told
        megabytes.update(what, done >= total ? all : Math.min(all, done / UNIT), all);
    }
}
