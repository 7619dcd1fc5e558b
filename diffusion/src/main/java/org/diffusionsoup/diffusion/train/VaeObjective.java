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
    private final double edgeWeight;

    /**
     * Without a term for edges.
     *
     * @param klWeight weight of the divergence, which like the reconstruction is taken per pixel
     */
    public VaeObjective(AutoencoderKL vae, PictureSet pictures, double klWeight) {
        this(vae, pictures, klWeight, 0);
    }

    /**
     * @param klWeight weight of the divergence, which like the reconstruction is taken per pixel
     * @param edgeWeight weight of the mean absolute error of the differences between neighbouring
     *     pixels: blurred edges, and the checkerboard that decoders leave in flat areas, cost
     *     little in the pictures' own error and much in this one
     */
    public VaeObjective(
            AutoencoderKL vae, PictureSet pictures, double klWeight, double edgeWeight) {
        this.vae = vae;
        this.pictures = pictures;
        this.klWeight = klWeight;
        this.edgeWeight = edgeWeight;
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
        Tensor loss = Functional.mse(y, x).add(Functional.l1(y, x).mul(0.2)).add(kl);
        if (edgeWeight == 0) {
            return loss;
        }
        Tensor edges =
                Functional.l1(differences(y, 2), differences(x, 2))
                        .add(Functional.l1(differences(y, 3), differences(x, 3)));
        return loss.add(edges.mul(edgeWeight));
    }

    /** What every pixel differs by from its neighbour before it. */
    private static Tensor differences(Tensor x, int dim) {
        long last = x.size(dim) - 1;
        return x.narrow(dim, 1, last).sub(x.narrow(dim, 0, last));
    }
}
