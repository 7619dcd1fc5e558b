package org.diffusionsoup.diffusion.train;

import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.diffusion.vae.DiagonalGaussian;

/**
 * Reconstruction of pictures through sampled latents plus a small pull of the latents towards the
 * standard normal (Rombach et al. 2022, without their perceptual and adversarial terms).
 */
public final class VaeObjective implements Objective {
    private final AutoencoderKL vae;
    private final PictureSet pictures;
    private final double klWeight;

    /**
     * @param klWeight weight of the divergence, which like the reconstruction is taken per pixel
     */
    public VaeObjective(AutoencoderKL vae, PictureSet pictures, double klWeight) {
        this.vae = vae;
        this.pictures = pictures;
        this.klWeight = klWeight;
    }

    @Override
    public int rows() {
        return pictures.count();
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        Tensor x = pictures.batch(rows, i -> random.nextBoolean()); // (N, 3, H, W)
        DiagonalGaussian d = vae.encode(x);
        Tensor z = d.sample(rng.normal(d.mean().shape()));
        Tensor y = vae.decode(z).toFloat();
        Tensor kl = d.kl().mean().mul(klWeight / (3.0 * x.size(2) * x.size(3)));
        return Functional.mse(y, x).add(Functional.l1(y, x).mul(0.2)).add(kl);
    }
}
