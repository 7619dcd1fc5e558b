package org.diffusionsoup.workbench.search;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.search.Evaluation;
import org.diffusionsoup.core.search.Improvement;
import org.diffusionsoup.core.search.SearchResult;
import org.diffusionsoup.core.soup.Soup;
import org.diffusionsoup.eval.Interval;
import org.diffusionsoup.eval.Judge;

/**
 * What a search found, and wrote if it was to.
 *
 * @param names of the ingredients
 * @param result of the search, on the validation prompts
 * @param test the soups that matter on the test prompts, which the search never saw; the uniform
 *     soup first
 * @param judge who scored
 * @param journalSha256 of the journal when the search ended; it is in the soup's header
 * @param soup what was written; empty if the request names no output
 * @param seconds the search and the test took
 */
public record FoundSoup(
        List<String> names,
        SearchResult result,
        List<Tested> test,
        Judge judge,
        String journalSha256,
        Optional<Soup> soup,
        double seconds) {

    /**
     * A soup on the test prompts.
     *
     * @param label such as {@code chosen}
     * @param mean its score with its interval
     * @param overUniform its score minus the uniform soup's, paired
     */
    public record Tested(
            String label, Evaluation evaluation, Interval mean, Improvement overUniform) {}

    public FoundSoup {
        names = List.copyOf(names);
        test = List.copyOf(test);
    }
}
