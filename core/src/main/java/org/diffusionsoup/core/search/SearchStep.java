package org.diffusionsoup.core.search;

/**
 * One decision of a search.
 *
 * @param candidate what was tried
 * @param incumbent what it was compared with
 * @param change candidate's score minus incumbent's
 * @param accepted whether the candidate took the incumbent's place
 */
public record SearchStep(
        Evaluation candidate, Evaluation incumbent, Improvement change, boolean accepted) {

    /** What to say of it beside the numbers; empty if they say it all. */
    public String remark() {
        return switch (change.verdict()) {
            case TIE -> "tie, not an improvement";
            case WITHIN_NOISE ->
                    accepted
                            ? "accepted, but smaller than its confidence interval"
                            : "not taken; smaller than its confidence interval";
            case CLEAR, WORSE -> "";
        };
    }
}
