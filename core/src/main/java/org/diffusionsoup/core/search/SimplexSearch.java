package org.diffusionsoup.core.search;

import java.util.ArrayList;
import java.util.List;
import org.diffusionsoup.core.SoupException;

/**
 * Search for Eq. 6 beyond the paper: all k_i above 0 with sum 1, by softmax coordinates z, k_i =
 * exp(z_i) / sum exp(z). The shares exp(z_i) are rounded to sixteenths, so that recipes state
 * simple fractions, equal candidates are scored once, and moving one coordinate changes one
 * ingredient; a share that rounds to 0 leaves its ingredient out, which Eq. 6 allows as a limit.
 *
 * <p>Starts from the uniform soup. The optimiser follows plain means; the best soup it saw then
 * takes the uniform soup's place if the search's acceptance agrees.
 *
 * @param optimizer who chooses the points
 * @param seed of its randomness
 */
public record SimplexSearch(SimplexOptimizer optimizer, long seed) implements SearchMethod {
    /** Coordinates are cut to this distance from 0. */
    static final double LIMIT = 4;

    private static final int STEPS = 16;

    @Override
    public String name() {
        return "simplex " + optimizer.name();
    }

    /**
     * @throws SoupException with a single ingredient
     */
    @Override
    public SearchResult run(ScoreBook book) {
        int n = book.ingredients();
        if (n < 2) {
            throw new SoupException("A simplex search needs at least two ingredients.");
        }
        Evaluation uniform = book.evaluate(Candidate.uniform(n));
        List<Evaluation> best = new ArrayList<>(List.of(uniform));
        String note = "";
        try {
            optimizer.maximise(
                    n,
                    z -> {
                        Candidate c = candidate(z);
                        Candidate base = optimizer.isLocal() ? best.getLast().candidate() : c;
                        Evaluation e = book.evaluate(c, base);
                        if (e.mean() > best.getLast().mean()) {
                            best.add(e);
                        }
                        return e.mean();
                    },
                    seed);
        } catch (BudgetSpentException e) {
            note = "The search ended with its budget, not because it found nothing better.";
        }
        List<SearchStep> steps = new ArrayList<>();
        Evaluation chosen = uniform;
        if (best.size() > 1) {
            SearchStep step = book.compare(best.getLast(), uniform);
            steps.add(step);
            chosen = step.accepted() ? step.candidate() : uniform;
        }
        return book.result(name(), chosen, List.of(), steps, note);
    }

    /** The soup of a point: shares exp(z_i) in sixteenths. */
    static Candidate candidate(double[] z) {
        List<Integer> shares = new ArrayList<>();
        int largest = 0;
        for (int i = 0; i < z.length; i++) {
            double cut = Math.clamp(z[i], -LIMIT, LIMIT);
            shares.add((int) Math.rint(STEPS * Math.exp(cut)));
            largest = z[i] > z[largest] ? i : largest;
        }
        if (shares.stream().allMatch(a -> a == 0)) {
            shares.set(largest, 1);
        }
        return new Candidate(shares);
    }
}
