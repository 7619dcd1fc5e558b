package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Karras et al. 2022, Algorithm 1: each step is an Euler step, then the same step again with the
 * mean of the slopes at both ends; so all timesteps but the first are visited twice.
 */
final class HeunDiscreteScheduler extends NoiseLevelScheduler {
    private final Clipping clipping;
    private final History start = new History(1);
    private final History firstSlope = new History(1);

    HeunDiscreteScheduler(SchedulerConfig c, int steps) {
        super(c, doubled(NoiseLevels.direct(c, c.table(), steps)));
        clipping = Clipping.of(c, false);
    }

    private static NoiseLevels doubled(NoiseLevels once) {
        int n = once.timesteps().length;
        double[] t = new double[2 * n - 1];
        double[] sigmas = new double[2 * n];
        for (int i = 0; i < t.length; i++) {
            t[i] = once.timesteps()[(i + 1) / 2];
            sigmas[i] = once.sigmas()[(i + 1) / 2];
        }
        sigmas[2 * n - 1] = once.sigmas()[n];
        return new NoiseLevels(t, sigmas);
    }

    @Override
    Tensor clean(Tensor prediction, Tensor x, double sigma) {
        return clipping.apply(super.clean(prediction, x, sigma));
    }

    @Override
    int indexAfter(int steps) {
        return 2 * steps;
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        Tensor slope = slope(prediction, sample, sigma(index));
        if (index % 2 == 0) {
            start.push(sample);
            firstSlope.push(slope);
            return sample.add(slope.mul(sigma(index + 1) - sigma(index)));
        }
        double change = sigma(index) - sigma(index - 1);
        return start.get(0).add(firstSlope.get(0).add(slope).div(2).mul(change));
    }

    @Override
    public void close() {
        start.close();
        firstSlope.close();
    }
}
