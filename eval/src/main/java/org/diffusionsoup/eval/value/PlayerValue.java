package org.diffusionsoup.eval.value;

import java.util.OptionalDouble;
import org.diffusionsoup.eval.Interval;

/**
 * What one player is worth, in the judge's points. All intervals are bootstraps over prompts, the
 * same prompts drawn for every coalition.
 *
 * @param name the player's
 * @param shapley its Shapley value; those of all players add up to v(all) - v(base)
 * @param samplingError standard error of the Shapley value that comes of the choice of
 *     permutations; 0 where all coalitions were scored, empty where too few pairs were drawn to
 *     tell. It is not in the interval
 * @param leaveOneOut v(all) - v(all without it): what leaves when it leaves
 * @param alone v(it alone) - v(base)
 */
public record PlayerValue(
        String name,
        Interval shapley,
        OptionalDouble samplingError,
        Interval leaveOneOut,
        Interval alone) {}
