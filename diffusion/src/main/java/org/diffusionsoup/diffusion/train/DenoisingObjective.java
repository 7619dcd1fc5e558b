package org.diffusionsoup.diffusion.train;

import java.util.random.RandomGenerator;
import org.diffusionsoup.diffusion.schedule.NoiseTable;
import org.diffusionsoup.diffusion.schedule.PredictionType;
import org.diffusionsoup.diffusion.torch.Functional;
import org.diffusionsoup.diffusion.torch.Rng;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.unet.UNet2DConditionModel;

/**
 * Eq. 3 of the paper on latents: the UNet predicts, from a noised latent x_t, its timestep and its
 * caption, the noise that was added (or the velocity, Salimans and Ho 2022).
 */
public final class DenoisingObjective implements Objective {
    private final UNet2DConditionModel unet;
    private final LatentSet data;
    private final NoiseTable noise;
    private final PredictionType type;
    private final double captionDropout;

    /**
     * @param noise the forward process, γ_t and σ_t per timestep
     * @param type what the UNet predicts
     * @param captionDropout share of rows trained without their caption, for guidance
     */
    public DenoisingObjective(
            UNet2DConditionModel unet,
            LatentSet data,
            NoiseTable noise,
            PredictionType type,
            double captionDropout) {
        this.unet = unet;
        this.data = data;
        this.noise = noise;
        this.type = type;
        this.captionDropout = captionDropout;
    }

    @Override
    public int rows() {
        return data.rows();
    }

    @Override
    public Tensor loss(int[] rows, Rng rng, RandomGenerator random) {
        int n = rows.length;
        long[] t = new long[n];
        long[] text = new long[n];
        for (int i = 0; i < n; i++) {
            t[i] = random.nextInt(noise.size());
            int[] own = data.captionsOf(rows[i]);
            int caption = own[random.nextInt(own.length)];
            text[i] = random.nextDouble() < captionDropout ? data.emptyCaption() : caption;
        }
        Tensor x0 = data.latents(rows); // (N, C, h, w), scaled
        Tensor eps = rng.normal(x0.shape());
        Tensor xt = noise.addNoise(x0, eps, t);
        Tensor target =
                switch (type) {
                    case EPSILON -> eps;
                    case V_PREDICTION -> noise.velocity(x0, eps, t);
                    case SAMPLE -> x0;
                };
        Tensor out = unet.forward(xt, Tensor.of(t, n), data.text(text));
        return Functional.mse(out.toFloat(), target);
    }
}
