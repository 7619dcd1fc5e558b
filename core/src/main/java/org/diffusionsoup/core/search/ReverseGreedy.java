package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;

/**
 * Reverse Greedy Soup (paper, Section 4.2 and Appendix E): begins with the uniform soup and takes
 * ingredients out in order of increasing performance of their own, each kept out only if the soup
 * improves. 2n + 1 evaluations at most. The last ingredient stays. Of ingredients that score the
 * same, the one named first comes first.
 */
public final class ReverseGreedy implements SearchMethod {
    @Override
    public String name() {
        return "reverse-greedy";
    }

    @Override
    public SearchResult run(ScoreBook book) {
        List<Evaluation> singles = Singles.evaluate(book);
        Evaluation soup = book.evaluate(Candidate.uniform(singles.size()));
        List<SearchStep> steps = new ArrayList<>();
        for (int i : Singles.worstFirst(singles)) {
            if (soup.candidate().members().size() == 1) {
                break;
            }
            SearchStep step = book.compare(book.evaluate(soup.candidate().without(i)), soup);
            steps.add(step);
            soup = step.accepted() ? step.candidate() : soup;
        }
        return book.result(name(), soup, singles, steps, "");
    }
}
