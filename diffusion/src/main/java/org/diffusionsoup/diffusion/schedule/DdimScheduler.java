package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Song, Meng and Ermon 2021, "Denoising diffusion implicit models", Eq. 12 and 16: deterministic
 * for η = 0, as noisy as DDPM for η = 1.
 */
final class DdimScheduler extends Scheduler {
    private final NoiseTable table;
    private final int stride;
    private final double eta;
    private final double finalProduct;
    private final Clipping clipping;

    DdimScheduler(SchedulerConfig c, int steps, double eta) {
        super(c, c.spacing("leading").timesteps(c.table().size(), steps, c.stepsOffset(), true));
        this.table = c.table();
        this.stride = table.size() / steps;
        this.eta = eta;
        this.finalProduct = c.json().flag("set_alpha_to_one", true) ? 1.0 : table.alphaCumprod(0);
        this.clipping = Clipping.of(c, true);
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        int t = (int) timestep(index);
        int s = t - stride;
        double product = table.alphaCumprod(t);
        double next = s >= 0 ? table.alphaCumprod(s) : finalProduct;
        double gamma = Math.sqrt(product);
        double sigma = Math.sqrt(1 - product);
        PredictionType type = config.predictionType();
        Tensor clean = clipping.apply(type.cleanSample(prediction, sample, gamma, sigma));
        Tensor eps = type.noise(prediction, sample, gamma, sigma); // of the unclipped x_0
        double deviation =
                eta * Math.sqrt((1 - next) / (1 - product) * (1 - product / next)); // Eq. 16
        double direction = Math.sqrt(1 - next - deviation * deviation);
        Tensor x = clean.mul(Math.sqrt(next)).add(eps.mul(direction));
        return eta > 0 ? x.add(noise.draw(index, sample.shape()).mul(deviation)) : x;
    }
}
