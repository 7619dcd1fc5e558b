package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/**
 * Leaves each ingredient out of the uniform soup in turn (paper, Section 6.2 and Fig. 4). The best
 * of these takes the uniform soup's place if it improves; of equal ones the first. n + 1
 * evaluations.
 */
public final class LeaveOneOut implements SearchMethod {
    @Override
    public String name() {
        return "leave-one-out";
    }

    /**
     * @throws SoupException with a single ingredient
     */
    @Override
    public SearchResult run(ScoreBook book) {
        int n = book.ingredients();
        if (n < 2) {
            throw new SoupException("Leaving one out needs at least two ingredients.");
        }
        Evaluation uniform = book.evaluate(Candidate.uniform(n));
        Evaluation best = uniform;
        List<SearchStep> steps = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            SearchStep step = book.compare(book.evaluate(uniform.candidate().without(i)), uniform);
            steps.add(step);
            if (step.accepted() && step.candidate().mean() > best.mean()) {
                best = step.candidate();
            }
        }
        Evaluation chosen = best;
        steps.replaceAll(s ->
                new SearchStep(
                        s.candidate(), s.incumbent(), s.change(), s.candidate().equals(chosen)));
        return book.result(name(), best, List.of(), steps, "");
    }
}
