package org.diffusionsoup.workbench.curate;

import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.workbench.Progress;

/** Shows what module {@code data} reports, stage by stage. */
final class StageProgress implements ProgressListener {
    private final Progress progress;
    private String stage = "";
    private long shown;

    StageProgress(Progress progress) {
        this.progress = progress;
    }

    @Override
    public void progress(String current, long done, long total) {
        if (!current.equals(stage)) {
            stage = current;
            shown = 0;
            progress.start(current, total, "images");
        }
        progress.advance(done - shown);
        shown = done;
    }
}
