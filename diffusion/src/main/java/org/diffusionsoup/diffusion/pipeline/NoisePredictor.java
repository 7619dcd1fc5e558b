package org.diffusionsoup.diffusion.pipeline;

import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.classify.ShardClassifier;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/** The denoiser ε_w(x_t, t, y) a sampling loop calls: one model, a soup, or an ensemble. */
@FunctionalInterface
public interface NoisePredictor {
    /**
     * Predicts noise, or velocity where the scheduler's config says so.
     *
     * @param latents scaled model input (N, C, h, w)
     * @param timestep the same for all rows
     * @param conditioning of N rows
     * @return prediction (N, C, h, w)
     */
    Tensor predict(Tensor latents, double timestep, Conditioning conditioning);

    /** One UNet. */
    static NoisePredictor of(UNet2DConditionModel unet) {
        return (x, timestep, c) -> {
            Tensor t = Tensor.full(timestep, 1);
            return c.added()
                    .map(a -> unet.forward(x, t, c.text(), a.pooledText(), a.timeIds()))
                    .orElseGet(() -> unet.forward(x, t, c.text()));
        };
    }

    /**
     * The mean of several UNets' predictions with equal coefficients: the ensemble that a soup
     * approximates at the cost of one model (paper, Eq. 5).
     */
    static NoisePredictor ensemble(List<UNet2DConditionModel> unets) {
        double[] k = new double[unets.size()];
        Arrays.fill(k, 1.0 / k.length);
        return weighted(unets.stream().map(NoisePredictor::of).toList(), k);
    }

    /**
     * The ensemble Σ k_i ε_{w_i} (paper, Eq. 5) with coefficients of choice.
     *
     * @param members the ingredients' denoisers
     * @param coefficients k_i > 0 that sum to 1
     */
    static NoisePredictor weighted(List<NoisePredictor> members, double[] coefficients) {
        List<NoisePredictor> all = List.copyOf(members);
        double[] k = coefficients.clone();
        double sum = Arrays.stream(k).sum();
        if (all.isEmpty() || k.length != all.size() || !(Math.abs(sum - 1) < 1e-9)) {
            throw new IllegalArgumentException(
                    "an ensemble needs members and a coefficient for each, summing to 1, not "
                            + all.size()
                            + " members and "
                            + k.length
                            + " coefficients summing to "
                            + sum);
        }
        return (x, timestep, c) -> {
            // A member's activations are freed before the next one runs.
            Tensor mean = Tensor.zeros(x.shape());
            for (int i = 0; i < k.length; i++) {
                try (Scope s = Scope.open()) {
                    mean.add_(all.get(i).predict(x, timestep, c), k[i]);
                }
            }
            return mean;
        };
    }

    /**
     * The ensemble whose coefficients a classifier gives for every sample at every timestep: Σ
     * k_i(x_t, t) ε_{w_i} (paper, Appendix C and Proposition 2).
     *
     * @param members the ingredients' denoisers, in the order of the classifier's shards
     */
    static NoisePredictor classified(List<NoisePredictor> members, ShardClassifier classifier) {
        List<NoisePredictor> all = List.copyOf(members);
        requireShards(all.size(), classifier);
        return (x, timestep, c) -> {
            Tensor k = classifier.probabilities(x, Tensor.full(timestep, 1));
            Tensor mean = Tensor.zeros(x.shape());
            for (int i = 0; i < all.size(); i++) {
                try (Scope s = Scope.open()) {
                    Tensor own = k.narrow(1, i, 1).unsqueeze(-1).unsqueeze(-1); // (N, 1, 1, 1)
                    mean.add_(all.get(i).predict(x, timestep, c).mul(own), 1);
                }
            }
            return mean;
        };
    }

    /**
     * The soup that is averaged anew for every sample at every timestep, with the coefficients of
     * {@link #classified}: ε_{Σ k_i(x_t, t) w_i}. It samples the arithmetic mean of the shards
     * (paper, Proposition 2) as far as Eq. 4 holds, with one model's activations, at the price of
     * an average of all weights per sample and step, and of samples that go one by one.
     *
     * @param unet whose weights are overwritten; held in float32, as sums are
     * @param members the ingredients' weights, of the same architecture and any format, in the
     *     order of the classifier's shards
     */
    static NoisePredictor resouped(
            UNet2DConditionModel unet, List<Parameters> members, ShardClassifier classifier) {
        List<Parameters> all = List.copyOf(members);
        requireShards(all.size(), classifier);
        NoisePredictor one = of(unet);
        return (x, timestep, c) -> {
            int n = Math.toIntExact(x.size(0));
            float[] k = classifier.probabilities(x, Tensor.full(timestep, 1)).toFloatArray();
            Tensor out = Tensor.empty(x.shape());
            for (int row = 0; row < n; row++) {
                try (Scope s = Scope.open()) {
                    Tensor weights = unet.parameters().flat().zero_();
                    for (int i = 0; i < all.size(); i++) {
                        weights.add_(all.get(i).flat(), k[row * all.size() + i]);
                    }
                    out.narrow(0, row, 1)
                            .copy_(one.predict(x.narrow(0, row, 1), timestep, c.row(row)));
                }
            }
            return out;
        };
    }

    private static void requireShards(int members, ShardClassifier classifier) {
        List<String> shards = classifier.config().shards();
        if (members != shards.size()) {
            throw new SoupException(
                    "The classifier tells %d shards apart (%s), and there are %d models; give one per shard, in this order."
                            .formatted(shards.size(), String.join(", ", shards), members));
        }
    }
}
