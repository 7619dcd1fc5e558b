package org.diffusionsoup.workbench.job;

import java.nio.file.Files;
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
     * What is said of a training that was asked to stop.
     *
     * @param state folder of its checkpoint, be it there or not
     * @param steps of the whole training
     */
    public static String stopped(Path state, long steps) {
        long done = TrainingRun.checkpointedSteps(state);
        if (done > 0 && done < steps) {
            return "Stopped; the same command goes on from step %s of %s, kept in %s."
                    .formatted(Plural.grouped(done), Plural.grouped(steps), state);
        }
        return Files.exists(state)
                ? "Stopped; the same command goes on from " + state + "."
                : "Stopped; no step was done, so nothing was written, and the same command begins"
                        + " again.";
    }

    /**
     * Says {@code "noto goes on from step 9 of 600."} where there is a checkpoint with steps left
     * to do, and that the training was done before where there are none left.
     *
     * @param name of what is trained
     * @param state folder of the checkpoint, be it there or not
     * @param steps of the whole training
     * @return steps that were done before
     */
    public static long tell(Progress progress, String name, Path state, long steps) {
        long done = TrainingRun.checkpointedSteps(state);
        if (done > 0) {
            progress.tell(
                    done < steps
                            ? "%s goes on from step %s of %s."
                                    .formatted(name, Plural.grouped(done), Plural.grouped(steps))
                            : "%s was trained before, to step %s; none is done again."
                                    .formatted(name, Plural.grouped(done)));
        }
        return done;
    }
}
