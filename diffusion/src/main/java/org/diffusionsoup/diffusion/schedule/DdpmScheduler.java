package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/** Ho, Jain and Abbeel 2020, "Denoising diffusion probabilistic models", Eq. 6, 7 and 15. */
final class DdpmScheduler extends Scheduler {
    /** Keeps the variance positive where the last step would have none. */
    private static final double SMALLEST_VARIANCE = 1e-20;

    private final NoiseTable table;
    private final int stride;
    private final boolean large;
    private final Clipping clipping;

    DdpmScheduler(SchedulerConfig c, int steps) {
        super(c, c.spacing("leading").timesteps(c.table().size(), steps, c.stepsOffset(), true));
        c.json().only("variance_type", "fixed_small", "fixed_small_log", "fixed_large");
        this.table = c.table();
        this.stride = table.size() / steps;
        // The logarithmic form of fixed_small is the same number by another route.
        this.large = c.json().text("variance_type", "fixed_small").equals("fixed_large");
        this.clipping = Clipping.of(c, true);
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        int t = (int) timestep(index);
        int s = t - stride;
        double product = table.alphaCumprod(t);
        double next = s >= 0 ? table.alphaCumprod(s) : 1.0;
        double alpha = product / next; // of the whole stride
        double beta = 1 - alpha;
        double gamma = Math.sqrt(product);
        double sigma = Math.sqrt(1 - product);
        Tensor clean =
                clipping.apply(
                        config.predictionType().cleanSample(prediction, sample, gamma, sigma));
        Tensor mean =
                clean.mul(Math.sqrt(next) * beta / (1 - product))
                        .add(sample.mul(Math.sqrt(alpha) * (1 - next) / (1 - product)));
        if (t == 0) {
            return mean;
        }
        double small = Math.max((1 - next) / (1 - product) * beta, SMALLEST_VARIANCE);
        double variance = large ? beta : small;
        return mean.add(noise.draw(index, sample.shape()).mul(Math.sqrt(variance)));
    }
}
