package org.diffusionsoup.core.search;

import java.util.List;

/**
 * What a search found.
 *
 * @param method such as {@code greedy}
 * @param best the chosen soup
 * @param singles evaluations of single ingredients in their order; empty if the method needs none
 * @param steps all decisions, in order
 * @param evaluations every candidate that was asked for, once each, in the order of the first time
 * @param scored how many of them this run scored itself; the rest came from the journal
 * @param note what is to be known about the result, such as a spent budget; empty if nothing
 */
public record SearchResult(
        String method,
        Evaluation best,
        List<Evaluation> singles,
        List<SearchStep> steps,
        List<Evaluation> evaluations,
        int scored,
        String note) {
    public SearchResult {
        singles = List.copyOf(singles);
        steps = List.copyOf(steps);
        evaluations = List.copyOf(evaluations);
    }
}
