package org.diffusionsoup.core.search;

import org.diffusionsoup.core.SoupException;

/** A search asks for one more evaluation than it may make. */
public final class BudgetSpentException extends SoupException {
    private static final long serialVersionUID = 1L;

    BudgetSpentException(int budget) {
        super(
                "The search needs more than the "
                        + budget
                        + " evaluations it may make; allow more, or choose fewer ingredients.");
    }
}
