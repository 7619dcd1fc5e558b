package org.diffusionsoup.cli.console;

import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.workbench.Progress;

/** Shows what is told as sums so far, task by task, as the units of a progress. */
public final class CountedSteps implements SoupProgress {
    private final Progress progress;
    private final String unit;
    private String task = "";
    private long told;

    /**
     * Passes everything on to the given progress.
     *
     * @param unit what is counted, in the plural
     */
    public CountedSteps(Progress progress, String unit) {
        this.progress = progress;
        this.unit = unit;
    }

    @Override
    public void update(String what, long done, long total) {
        if (!what.equals(task)) {
            task = what;
            told = 0;
            progress.start(what, total, unit);
        }
        progress.advance(done - told);
        told = done;
    }
}
