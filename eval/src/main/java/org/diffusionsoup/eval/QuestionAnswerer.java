package org.diffusionsoup.eval;

import java.util.List;
import org.diffusionsoup.image.Picture;

/**
 * Answers multiple-choice questions by looking at pictures: what {@link TifaJudge} asks. Not for
 * use by several threads at once.
 */
public interface QuestionAnswerer extends AutoCloseable {
    /** Name, weights' hash and the way it picks a choice. */
    Judge judge();

    /**
     * Answers every question about every picture. An answer depends on its picture and question
     * only, up to rounding.
     *
     * @param pictures of any size and mode
     * @param questions their right answers are not looked at
     * @return [pictures][questions], each an index into the question's choices
     */
    int[][] answer(List<Picture> pictures, List<TifaQuestion> questions);

    /** Frees the weights. */
    @Override
    void close();
}
