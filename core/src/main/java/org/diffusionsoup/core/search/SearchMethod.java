package org.diffusionsoup.core.search;

/** A way to search for coefficients. */
public sealed interface SearchMethod permits Greedy, ReverseGreedy, LeaveOneOut, SimplexSearch {
    /** What it is called, such as {@code reverse-greedy}. */
    String name();

    /** Searches, asking the table for every score it needs. */
    SearchResult run(ScoreBook book);
}
