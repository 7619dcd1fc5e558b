package org.diffusionsoup.workbench.job;

import java.nio.file.Path;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.diffusion.train.TrainingRun;
import org.diffusionsoup.workbench.Progress;

/**
 * Says that a training goes on and from where, before it makes ready anew what it does not keep,
 * such as encoded pictures: otherwise it looks like one that starts from nothing.
 */
public final class Resumption {
    private Resumption() {}

    /** Folder of a training's checkpoint where several share a folder of work. */
    public static Path stateIn(Path work, String name) {
        return work.resolve(name + "-state");
    }

    /**
     * What is kept of a training that was stopped, and what the same command does then: a sentence.
     *
     * @param state folder of the checkpoint, be it there or not
     */
    public static String stopped(Path state) {
        long done = TrainingRun.checkpointedSteps(state);
        return done == 0
                ? "Stopped; no step was done, so nothing is kept, and the same command begins again."
                : "Stopped; what %s taught it is kept in %s, and the same command goes on from there."
                        .formatted(Plural.of(done, "step"), state);
    }

    /**
     * Says {@code "noto goes on from step 9 of 600."} where there is a checkpoint with steps left
     * to do.
     *
     * @param name of what is trained
     * @param state folder of the checkpoint, be it there or not
     * @param steps of the whole training
     */
    public static void tell(Progress progress, String name, Path state, long steps) {
        long done = TrainingRun.checkpointedSteps(state);
        if (done > 0 && done < steps) {
            progress.tell(
                    "%s goes on from step %s of %s."
                            .formatted(name, Plural.grouped(done), Plural.grouped(steps)));
        }
    }
}
