package org.diffusionsoup.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.text.TextReading;
import org.diffusionsoup.image.Picture;

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

    /** Whether the caption is longer than the judge reads. */
    default boolean isCut(String caption) {
        return reading(caption).map(TextReading::isCut).orElse(false);
    }

    /** How much of a caption the judge reads; empty where its tokenizer does not say. */
    default Optional<TextReading> reading(String caption) {
        return Optional.empty();
    }

    /**
     * Scores one model's pictures of prompts.
     *
     * @param model the model's name
     * @param prompts one or more
     * @param pictures one list per prompt, with one picture per seed, all equally long
     * @throws EvalException if the numbers of prompts, lists or pictures do not agree
     */
    default ScoreSet score(String model, List<String> prompts, List<List<Picture>> pictures) {
        if (prompts.size() != pictures.size()) {
            throw new EvalException(
                    "The pictures of '%s' are for %d prompts, but %d prompts are given."
                            .formatted(model, pictures.size(), prompts.size()));
        }
        List<Picture> all = new ArrayList<>();
        List<String> captions = new ArrayList<>();
        for (int p = 0; p < prompts.size(); p++) {
            for (Picture picture : pictures.get(p)) {
                all.add(picture);
                captions.add(prompts.get(p));
            }
        }
        double[] flat = score(all, captions);
        double[][] values = new double[prompts.size()][];
        int next = 0;
        for (int p = 0; p < values.length; p++) {
            values[p] = new double[pictures.get(p).size()];
            for (int s = 0; s < values[p].length; s++) {
                values[p][s] = flat[next++];
            }
        }
        return ScoreSet.of(model, judge(), prompts, values);
    }

    /**
     * Refuses lists of different lengths.
     *
     * @throws EvalException saying how many there are of each
     */
    static void requirePaired(List<Picture> pictures, List<String> captions) {
        if (pictures.size() != captions.size()) {
            throw new EvalException(
                    "%d pictures need as many captions to be scored, got %d."
                            .formatted(pictures.size(), captions.size()));
        }
    }

    /** Frees the weights. */
    @Override
    void close();
}
