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
}
