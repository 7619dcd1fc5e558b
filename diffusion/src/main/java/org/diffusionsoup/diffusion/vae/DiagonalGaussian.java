package org.diffusionsoup.diffusion.vae;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * A normal distribution per latent element, as the encoder predicts it.
 *
 * @param mean (N, latent, h, w)
 * @param logVariance natural logarithm of the variance, limited to [-30, 20], same shape
 */
public record DiagonalGaussian(Tensor mean, Tensor logVariance) {
    /** mean + noise * standard deviation, for standard normal noise of the same shape. */
    public Tensor sample(Tensor noise) {
        return mean.add(logVariance.mul(0.5).exp().mul(noise));
    }

    /** Kullback-Leibler divergence to the standard normal, summed over each picture: (N). */
    public Tensor kl() {
        Tensor each = mean.square().add(logVariance.exp()).add(-1.0).sub(logVariance);
        return each.sum(false, 1, 2, 3).mul(0.5);
    }
}
