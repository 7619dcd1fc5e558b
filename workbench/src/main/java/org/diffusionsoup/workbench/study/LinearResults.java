package org.diffusionsoup.workbench.study;

import java.util.List;
import org.diffusionsoup.eval.Interval;
import org.jspecify.annotations.Nullable;

/**
 * How far averaging weights is from averaging predictions (paper, Eq. 4 and 5).
 *
 * @param base name of the model w_c that the ingredients were fine-tuned from
 * @param shard whose rows were noised
 * @param rows that intervals are over
 * @param timesteps at which each row was noised once
 * @param seed of the choice of rows and of the noise
 * @param threshold relative gap from which on averaging weights is not averaging predictions
 * @param stages one after the other, in the order of fine-tuning
 * @param verdict from where on it is not, in a sentence
 */
public record LinearResults(
        String base,
        String shard,
        int rows,
        List<Integer> timesteps,
        long seed,
        double threshold,
        List<Stage> stages,
        String verdict) {

    public LinearResults {
        timesteps = List.copyOf(timesteps);
        stages = List.copyOf(stages);
    }

    /**
     * Ingredients that were fine-tuned equally long, and their uniform soup.
     *
     * @param name such as {@code step 50}
     * @param models names of the ingredients
     * @param distances |Δw_i|, the root of the mean square of an ingredient's difference to the
     *     base over all weights of the UNet
     * @param distance root of the mean of their squares
     * @param overall over all rows and timesteps
     * @param byTimestep over all rows
     * @param byScale with every Δw_i multiplied by s, over all rows and timesteps
     * @param exponent p of the fit gap = c s^p; 2 where the second order of the Taylor series is
     *     what is left out
     * @param crossing |Δw| at which the relative gap passes the threshold on the way from the base,
     *     between two measured scales; null where it does not, or before the smallest
     */
    public record Stage(
            String name,
            List<String> models,
            List<Double> distances,
            double distance,
            Gap overall,
            List<AtTimestep> byTimestep,
            List<AtScale> byScale,
            Interval exponent,
            @Nullable Double crossing) {

        public Stage {
            models = List.copyOf(models);
            distances = List.copyOf(distances);
            byTimestep = List.copyOf(byTimestep);
            byScale = List.copyOf(byScale);
        }
    }

    /**
     * Differences of predicted noise, as roots of mean squares over its values.
     *
     * @param relative |ε_soup - ε_ensemble| / |ε_ensemble - ε_base|, Eq. 5
     * @param gap |ε_soup - ε_ensemble|
     * @param effect |ε_ensemble - ε_base|
     * @param taylor |ε_{w_c + Δw_i} - ε_{w_c} - ∇ε Δw_i| / |ε_{w_c + Δw_i} - ε_{w_c}| over all
     *     ingredients, Eq. 4
     */
    public record Gap(Interval relative, Interval gap, Interval effect, Interval taylor) {}

    /**
     * @param sigma σ_t, the share of noise in x_t
     */
    public record AtTimestep(int timestep, double sigma, Gap gap) {}

    /**
     * @param scale s
     * @param distance s |Δw|
     * @param localExponent p of gap = c s^p from the scale before to this one; null for the first
     */
    public record AtScale(
            double scale,
            double distance,
            Interval relative,
            Interval gap,
            @Nullable Interval localExponent) {}
}
