package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Greedy Soup (paper, Section 4.2 and Appendix E): begins with the best single ingredient and adds
 * the others in order of their own performance, each kept only if the soup of all kept ones, alike,
 * improves. 2n - 1 evaluations. Of ingredients that score the same, the one named first comes
 * first.
 */
public final class Greedy implements SearchMethod {
    @Override
    public String name() {
        return "greedy";
    }

    @Override
    public SearchResult run(ScoreBook book) {
        List<Evaluation> singles = Singles.evaluate(book, Optional.empty());
        List<Integer> order = Singles.bestFirst(singles);
        Evaluation soup = singles.get(order.getFirst());
        List<SearchStep> steps = new ArrayList<>();
        for (int i : order.subList(1, order.size())) {
            Candidate more = soup.candidate().with(i);
            SearchStep step = book.compare(book.evaluate(more, soup.candidate()), soup);
            steps.add(step);
            soup = step.accepted() ? step.candidate() : soup;
        }
        return book.result(name(), soup, singles, steps, "");
    }
}
