package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reverse Greedy Soup (paper, Section 4.2 and Appendix E): begins with the uniform soup and takes
 * ingredients out in order of increasing performance of their own, each kept out only if the soup
 * improves. 2n - 1 to 2n + 1 evaluations. The last ingredient stays. Of ingredients that score the
 * same, the one named first comes first.
 */
public final class ReverseGreedy implements SearchMethod {
    @Override
    public String name() {
        return "reverse-greedy";
    }

    @Override
    public SearchResult run(ScoreBook book) {
        Candidate uniform = Candidate.uniform(book.ingredients());
        List<Evaluation> singles = Singles.evaluate(book, Optional.of(uniform));
        Evaluation soup = book.evaluate(uniform);
        List<SearchStep> steps = new ArrayList<>();
        for (int i : Singles.worstFirst(singles)) {
            if (soup.candidate().members().size() == 1) {
                break;
            }
            Candidate fewer = soup.candidate().without(i);
            SearchStep step = book.compare(book.evaluate(fewer, soup.candidate()), soup);
            steps.add(step);
            soup = step.accepted() ? step.candidate() : soup;
        }
        return book.result(name(), soup, singles, steps, "");
    }
}
