package org.diffusionsoup.core.search;

import java.util.function.ToDoubleFunction;

/**
 * Moves one coordinate at a time, up and down by a step; takes what is better, goes on in a
 * direction that helped, and halves the step after a round without success. Every candidate differs
 * from the best one in one ingredient, which is all that has to be read for it. Uses no randomness.
 */
public final class CoordinateDescent implements SimplexOptimizer {
    /** A factor of two in the ingredient's share. */
    private static final double FIRST_STEP = Math.log(2);

    private static final double LAST_STEP = FIRST_STEP / 8;

    @Override
    public String name() {
        return "coordinate-descent";
    }

    @Override
    public boolean isLocal() {
        return true;
    }

    @Override
    public void maximise(int dimensions, ToDoubleFunction<double[]> value, long seed) {
        double[] at = new double[dimensions];
        double best = value.applyAsDouble(at.clone());
        double step = FIRST_STEP;
        while (step >= LAST_STEP) {
            boolean moved = false;
            for (int i = 0; i < dimensions; i++) {
                for (int direction = 1; direction >= -1; direction -= 2) {
                    double before = at[i];
                    boolean helped = false;
                    while (Math.abs(at[i] + direction * step) <= SimplexSearch.LIMIT) {
                        at[i] += direction * step;
                        double v = value.applyAsDouble(at.clone());
                        if (v <= best) {
                            at[i] -= direction * step;
                            break;
                        }
                        best = v;
                        helped = true;
                    }
                    if (helped) {
                        moved = true;
                        break;
                    }
                    at[i] = before;
                }
            }
            if (!moved) {
                step /= 2;
            }
        }
    }
}
