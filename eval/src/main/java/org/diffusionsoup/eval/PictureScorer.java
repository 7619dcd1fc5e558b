package org.diffusionsoup.eval;

import java.util.List;
import org.diffusionsoup.diffusion.image.Picture;

/**
 * Gives each picture one number, higher is better: what a harness needs of CLIP score, ImageReward,
 * TIFA or an aesthetic score. Not for use by several threads at once.
 */
public interface PictureScorer extends AutoCloseable {
    /** Name, weights' hash and convention, as they go into every score. */
    Judge judge();

    /**
     * Scores pictures, each with its own caption. A score depends on its picture and caption only,
     * up to rounding, whatever else is in the list.
     *
     * @param pictures of any size and mode
     * @param captions one per picture; a scorer that looks at pictures alone does not read them
     * @return one finite score per picture, in the judge's convention
     * @throws EvalException if there are not as many captions as pictures
     */
    double[] score(List<Picture> pictures, List<String> captions);

    /** Frees the weights. */
    @Override
    void close();
}
