package org.diffusionsoup.diffusion.pipeline;

import java.util.Arrays;
import java.util.List;
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
}
