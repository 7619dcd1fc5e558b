package org.diffusionsoup.core.search;

import java.util.List;
import org.diffusionsoup.core.SoupException;

/** Search methods by the names that command lines and the ledger have for them. */
public final class SearchMethods {
    /** Most candidates that a simplex search scores unless told otherwise. */
    public static final int SIMPLEX_BUDGET = 50;

    /** All names. */
    public static final List<String> NAMES =
            List.of("greedy", "reverse-greedy", "leave-one-out", "simplex");

    private SearchMethods() {}

    /**
     * @param name one of {@link #NAMES}; {@code simplex} goes by coordinate descent
     * @throws SoupException if there is none of that name
     */
    public static SearchMethod named(String name) {
        return switch (name) {
            case "greedy" -> new Greedy();
            case "reverse-greedy" -> new ReverseGreedy();
            case "leave-one-out" -> new LeaveOneOut();
            case "simplex" -> new SimplexSearch(new CoordinateDescent(), 0);
            default ->
                    throw new SoupException(
                            "The search '%s' is unknown; use one of %s."
                                    .formatted(name, String.join(", ", NAMES)));
        };
    }

    /** Most candidates that a method scores unless told otherwise. */
    public static int budget(String name) {
        return name.equals("simplex") ? SIMPLEX_BUDGET : Integer.MAX_VALUE;
    }

    /**
     * How many different candidates a method scores. What it takes out or puts in depends on
     * scores, and a soup of one is an ingredient that was scored by itself.
     *
     * @param name one of {@link #NAMES}; {@code simplex} goes by coordinate descent
     * @param ingredients to choose from, at least 1
     * @param budget most candidates that it may score
     * @throws SoupException if there is no method of that name
     */
    public static Bounds candidates(String name, int ingredients, int budget) {
        long n = ingredients;
        Bounds all =
                switch (named(name)) {
                    case Greedy g -> Bounds.exactly(2 * n - 1);
                    // Singles and the uniform soup; then up to n smaller soups, but singles again
                    // from the step on that leaves one. Of two ingredients all are singles.
                    case ReverseGreedy r -> new Bounds(2 * n - 1, n < 3 ? 2 * n - 1 : 2 * n + 1);
                    case LeaveOneOut l -> Bounds.exactly(n + 1);
                    // The uniform soup, and two moves of its first coordinate.
                    case SimplexSearch s -> new Bounds(3, Long.MAX_VALUE);
                };
        return new Bounds(Math.min(all.least(), budget), Math.min(all.most(), budget));
    }
}
