package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Ancestral sampling with Euler steps (k-diffusion, {@code sample_euler_ancestral}): a step down to
 * less noise than is due, then fresh noise up to the level that is due.
 */
final class EulerAncestralDiscreteScheduler extends NoiseLevelScheduler {
    EulerAncestralDiscreteScheduler(SchedulerConfig c, int steps) {
        super(c, NoiseLevels.direct(c, finite(c), steps));
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        double from = sigma(index);
        double to = sigma(index + 1);
        double down = to * to / from;
        double up = Math.sqrt(to * to - down * down);
        Tensor x = sample.add(slope(prediction, sample, from).mul(down - from));
        return x.add(noise.draw(index, sample.shape()).mul(up));
    }
}
