package org.diffusionsoup.core.search;

import java.util.function.ToDoubleFunction;

/**
 * Maximises a function of softmax coordinates. Other algorithms than those here are plugged in
 * through this.
 */
public interface SimplexOptimizer {
    /** What it is called, with its settings: {@code coordinate-descent}. */
    String name();

    /** Whether a point mostly differs from the best one so far in one coordinate. */
    boolean isLocal();

    /**
     * Looks for the highest value, starting at the origin, until it finds no better one or the
     * function throws {@link BudgetSpentException}, which may be let through. The caller keeps the
     * best point it was asked for.
     *
     * @param dimensions of the coordinates
     * @param value of a point; points map to a grid, so neighbours may have equal values
     * @param seed of all randomness
     */
    void maximise(int dimensions, ToDoubleFunction<double[]> value, long seed);
}
