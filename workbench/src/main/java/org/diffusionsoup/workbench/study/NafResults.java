package org.diffusionsoup.workbench.study;

import java.util.List;
import java.util.Locale;
import org.diffusionsoup.eval.Interval;
import org.jspecify.annotations.Nullable;

/**
 * Divergences from safe models, Eq. 7 of the paper, in nats: of the geometric mean of two
 * distributions from each of them, and of what samples by the mean score; and where asked, of a
 * soup of real models from a safe one.
 *
 * @param samples trajectories per case
 * @param timesteps of the reverse process on the mixtures
 * @param seed of all trajectories
 * @param cases in closed form
 * @param models null where no models were given
 */
public record NafResults(
        int samples, int timesteps, long seed, List<Case> cases, @Nullable OfModels models) {

    public NafResults {
        cases = List.copyOf(cases);
    }

    /**
     * Two distributions, each of which has not seen the other's data and is safe for it.
     *
     * @param name of the case
     * @param sum −2 log ∫√(p1 p2), by quadrature: the sum of both divergences of the geometric mean
     * @param safe from either
     */
    public record Case(String name, double sum, List<Safe> safe) {
        public Case {
            safe = List.copyOf(safe);
        }
    }

    /**
     * Divergences from one of them.
     *
     * @param closedForm KL(geometric mean ‖ safe); null where it is known for no mixture of several
     *     Gaussians
     * @param quadrature the same by quadrature
     * @param path KL of the trajectories under the mean score from those under the safe model's,
     *     mean over trajectories: what sampling comes to, at most
     * @param bounded whether the max divergence is finite; null where no closed form tells
     * @param maxDivergence sup log(geometric mean / safe); null where it is not finite or not known
     */
    public record Safe(
            String name,
            @Nullable Double closedForm,
            double quadrature,
            Interval path,
            @Nullable Boolean bounded,
            @Nullable Double maxDivergence) {
        /** The closed form with four digits; a dash where there is none. */
        public String closedFormText() {
            return closedForm == null ? "–" : number(closedForm);
        }

        /** The max divergence with four digits, or what is known of it. */
        public String maxText() {
            if (Boolean.FALSE.equals(bounded)) {
                return "infinite";
            }
            return maxDivergence == null ? "not known" : number(maxDivergence);
        }

        private static String number(double value) {
            return String.format(Locale.ROOT, "%.4f", value);
        }
    }

    /**
     * A soup and a model that has not seen the rows.
     *
     * @param soup its name
     * @param safe name of the other
     * @param shard whose captions are the prompts
     * @param trajectories per prompt
     * @param steps of ancestral sampling, without guidance
     * @param values of one picture's latents
     * @param path KL of the soup's trajectories from the safe model's, mean over prompts
     * @param prompts one by one
     */
    public record OfModels(
            String soup,
            String safe,
            String shard,
            int trajectories,
            int steps,
            long values,
            Interval path,
            List<Prompt> prompts) {
        public OfModels {
            prompts = List.copyOf(prompts);
        }
    }

    /**
     * @param path mean over the prompt's trajectories
     */
    public record Prompt(String key, String prompt, double path) {}
}
