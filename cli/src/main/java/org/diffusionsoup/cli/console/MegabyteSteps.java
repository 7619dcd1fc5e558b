package org.diffusionsoup.cli.console;

import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.workbench.Progress;

/** A souper's steps, told in bytes, as tasks in whole megabytes. */
public final class MegabyteSteps implements SoupProgress {
    private static final long UNIT = 1_000_000;

    private final Progress progress;
    private String task = "";
    private long told;

    /** Passes everything on to the given progress. */
    public MegabyteSteps(Progress progress) {
        this.progress = progress;
    }

    @Override
    public void update(String what, long done, long total) {
        long all = (total + UNIT - 1) / UNIT;
        if (!what.equals(task)) {
            task = what;
            told = 0;
            progress.start(what, all, "MB");
        }
        long now = done >= total ? all : done / UNIT;
        progress.advance(now - told);
        told = now;
    }
}
