package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/** Karras et al. 2022, Algorithm 2 without the second-order correction and without churn. */
final class EulerDiscreteScheduler extends NoiseLevelScheduler {
    EulerDiscreteScheduler(SchedulerConfig c, int steps) {
        super(c, NoiseLevels.direct(c, finite(c), steps));
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        double sigma = sigma(index);
        Tensor slope = slope(prediction, sample, sigma);
        return sample.add(slope.mul(sigma(index + 1) - sigma));
    }
}
