package org.diffusionsoup.workbench.judges;

import java.util.List;

/**
 * A judge's mean score of the same held-out pictures as something gets worse step by step.
 *
 * @param judge the judge's kind
 * @param by what gets worse
 * @param levels how bad, 0 to 1, rising
 * @param means the mean score at each level
 * @param pictures how many pictures are averaged
 */
public record Fall(String judge, String by, List<Double> levels, List<Double> means, int pictures) {

    /** Copies the lists. */
    public Fall {
        levels = List.copyOf(levels);
        means = List.copyOf(means);
        if (levels.size() != means.size()) {
            throw new IllegalArgumentException("each level needs a mean");
        }
    }

    /** Whether every step lowers the mean. */
    public boolean isMonotone() {
        for (int i = 1; i < means.size(); i++) {
            if (means.get(i) >= means.get(i - 1)) {
                return false;
            }
        }
        return true;
    }
}
