package org.diffusionsoup.workbench.evaluate;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.eval.PictureScorer;

/** A judge as a recipe names it, before it is loaded. */
public interface RecipeJudge {
    /**
     * Refuses what is not there, before anything is drawn for it.
     *
     * @param name of the judge, for the message
     * @param later names of shards that the recipe makes first, which are not looked for
     * @throws SoupException naming the first file or folder that does not exist
     */
    void requireFiles(String name, Set<String> later);

    /**
     * Refuses prompts that the judge can say nothing about, before anything is drawn.
     *
     * @throws SoupException naming the first such prompt
     */
    default void requireQuestions(List<String> prompts) {}

    /** The same with paths in place of the names of shards that were made. */
    default RecipeJudge withShards(UnaryOperator<String> path) {
        return this;
    }

    /**
     * Loads the judge; the caller closes it.
     *
     * @throws SoupException if a file is missing or damaged
     */
    PictureScorer open();
}
