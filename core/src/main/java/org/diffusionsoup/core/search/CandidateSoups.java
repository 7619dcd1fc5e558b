package org.diffusionsoup.core.search;

import java.util.List;
import java.util.SortedMap;

/** What a search chooses from: ingredients in an order, and the soups of them. */
public interface CandidateSoups {
    /**
     * An ingredient.
     *
     * @param name for recipes and tables, unique among them
     * @param sha256 of its weights by part: what it is known by in a journal
     */
    record Choice(String name, SortedMap<String, String> sha256) {}

    /** The ingredients, at least one. */
    List<Choice> choices();

    /**
     * Forms a soup in memory; the one formed before is gone.
     *
     * @param candidate coefficients in the order of {@link #choices}
     * @param base a soup that this candidate and the next ones differ little from; only the cost of
     *     forming them depends on it
     */
    CandidateWeights form(Candidate candidate, Candidate base);

    /** Their names, in order. */
    default List<String> names() {
        return choices().stream().map(Choice::name).toList();
    }
}
