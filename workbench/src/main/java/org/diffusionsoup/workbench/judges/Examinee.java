package org.diffusionsoup.workbench.judges;

import java.util.List;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.judges.question.Said;
import org.diffusionsoup.workbench.judges.question.TrainingRows;
import org.diffusionsoup.workbench.judges.train.Accuracy;
import org.diffusionsoup.workbench.judges.train.PreferencePairs;

/** A judge that is checked on pictures whose truth is known. */
interface Examinee extends AutoCloseable {
    /** The judge's kind, as in {@code soup judge train}. */
    String name();

    /** How often it is right about held-out rows of a shard. */
    List<Accuracy> accuracies(TrainingRows heldOut, PreferencePairs pairs);

    /** How often it is right about scenes of held-out combinations. */
    List<Accuracy> accuracies(SceneExam exam);

    /**
     * Its score of each picture, higher meaning better, with what is said of it.
     *
     * @param images any pictures
     * @param said what goes with each picture
     */
    double[] scores(List<RgbImage> images, List<Said> said);

    /** Whether the score depends on what is said. */
    boolean reads();

    @Override
    void close();
}
