package org.diffusionsoup.core.search;

import org.diffusionsoup.core.search.Improvement.Verdict;

/** When a search takes a change of the soup. A tie is never an improvement. */
public enum Acceptance {
    /** Whenever the mean score is higher, as in the paper, be it by chance. */
    ANY_IMPROVEMENT,
    /** Only when the paired 95 % interval of the improvement lies above 0. */
    CLEAR_IMPROVEMENT;

    /** Whether the change is taken. */
    public boolean accepts(Improvement change) {
        return switch (this) {
            case ANY_IMPROVEMENT ->
                    change.verdict() == Verdict.CLEAR || change.verdict() == Verdict.WITHIN_NOISE;
            case CLEAR_IMPROVEMENT -> change.verdict() == Verdict.CLEAR;
        };
    }
}
