package org.diffusionsoup.cli.data;

import org.diffusionsoup.cli.console.CountedSteps;
import org.diffusionsoup.data.ProgressListener;
import org.diffusionsoup.workbench.Progress;

/** Shows what module {@code data} reports, stage by stage. */
final class DataProgress implements ProgressListener {
    private final CountedSteps images;

    DataProgress(Progress progress) {
        images = new CountedSteps(progress, "images");
    }

    @Override
    public void progress(String current, long done, long total) {
        images.update(current, done, total);
    }
}
