package org.diffusionsoup.eval.scorenet;

import java.util.List;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.eval.EvalException;
import org.diffusionsoup.eval.mixture.Mixture;
import org.diffusionsoup.eval.mixture.ReverseDiffusion;
import org.diffusionsoup.eval.mixture.ReverseDiffusion.Scores;

/**
 * The networks of some shards, and the scores that they make together in the ways of the paper. The
 * coefficients of Proposition 2 are exact: they come from the diffused densities in closed form.
 *
 * <p>Scores can be asked for from several threads. Each call needs memory for its activations only.
 */
public final class ShardNetworks {
    private final ReverseDiffusion process;
    private final List<ScoreNetwork> networks;

    /**
     * @param process of the shards' distributions
     * @param networks one per distribution, in their order; whoever made them closes them
     */
    public ShardNetworks(ReverseDiffusion process, List<ScoreNetwork> networks) {
        if (networks.isEmpty() || networks.size() != process.at(0).size()) {
            throw new EvalException(
                    "There are %d networks for %d distributions; there must be one for each."
                            .formatted(networks.size(), process.at(0).size()));
        }
        this.process = process;
        this.networks = List.copyOf(networks);
    }

    /** What one network predicts, such as a soup or a paragon. */
    public Scores of(ScoreNetwork network) {
        return scores((x, k, embedding) -> network.forward(x, embedding), false);
    }

    /** The ensemble with equal coefficients, (1/n) Σ ε_{w_i} (paper, Eq. 5). */
    public Scores ensemble() {
        return scores(this::sum, false);
    }

    /** The ensemble Σ k_i ε_{w_i} with k_i = λ_i p_i(x_t) / p(x_t) and all λ_i alike. */
    public Scores weighted() {
        return scores(this::sum, true);
    }

    /** The soup ε_{Σ k_i w_i} with the same k_i, averaged anew for every sample and timestep. */
    public Scores resouped() {
        return scores((x, k, embedding) -> ScoreNetwork.resouped(networks, k, x, embedding), true);
    }

    private Tensor sum(Tensor x, Tensor k, Tensor embedding) {
        Tensor sum = networks.getFirst().forward(x, embedding).mul(k.narrow(1, 0, 1));
        for (int i = 1; i < networks.size(); i++) {
            sum = sum.add(networks.get(i).forward(x, embedding).mul(k.narrow(1, i, 1)));
        }
        return sum;
    }

    /** Velocities at places (n, 2) with coefficients (n, networks), or (1, networks) for all. */
    @FunctionalInterface
    private interface Velocity {
        Tensor of(Tensor x, Tensor k, Tensor embedding);
    }

    private Scores scores(Velocity velocity, boolean weighed) {
        return (t, places, scores) -> {
            try (Scope scope = Scope.open();
                    Torch.Guard off = Torch.gradients(false)) {
                float[] x = new float[2 * places.length];
                for (int i = 0; i < places.length; i++) {
                    x[2 * i] = (float) places[i][0];
                    x[2 * i + 1] = (float) places[i][1];
                }
                int n = networks.size();
                Tensor k =
                        weighed
                                ? Tensor.of(coefficients(t, places), places.length, n)
                                : Tensor.full(1.0 / n, 1, n);
                float[] v =
                        velocity.of(
                                        Tensor.of(x, places.length, 2),
                                        k,
                                        ScoreNetwork.embedding(Tensor.full(t, 1)))
                                .toFloatArray();
                // ε = γ v + σ x, and the score is -ε / σ
                double share = process.gamma(t) / process.sigma(t);
                for (int i = 0; i < places.length; i++) {
                    scores[i][0] = -share * v[2 * i] - places[i][0];
                    scores[i][1] = -share * v[2 * i + 1] - places[i][1];
                }
            }
        };
    }

    /** k_i(x_t) of all places, row by row. */
    private float[] coefficients(int t, double[][] places) {
        List<Mixture> at = process.at(t);
        int n = at.size();
        float[] k = new float[places.length * n];
        double[] log = new double[n];
        for (int row = 0; row < places.length; row++) {
            double most = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < n; i++) {
                log[i] = at.get(i).logDensity(places[row][0], places[row][1]);
                most = Math.max(most, log[i]);
            }
            double sum = 0;
            for (int i = 0; i < n; i++) {
                log[i] = Math.exp(log[i] - most);
                sum += log[i];
            }
            for (int i = 0; i < n; i++) {
                k[row * n + i] = (float) (log[i] / sum);
            }
        }
        return k;
    }
}
