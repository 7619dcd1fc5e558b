package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Linear multistep of order 4 in the noise level (k-diffusion, {@code sample_lms}): the slopes of
 * the last steps are interpolated by a polynomial, which is integrated over the next step.
 */
final class LmsDiscreteScheduler extends NoiseLevelScheduler {
    private static final int ORDER = 4;

    private final History slopes = new History(ORDER);

    LmsDiscreteScheduler(SchedulerConfig c, int steps) {
        super(c, NoiseLevels.direct(c, c.table(), steps));
    }

    @Override
    Tensor advance(Tensor prediction, int index, Tensor sample, NoiseSource noise) {
        slopes.push(slope(prediction, sample, sigma(index)));
        int order = slopes.size();
        Tensor change = slopes.get(0).mul(coefficient(order, index, 0));
        for (int j = 1; j < order; j++) {
            change = change.add(slopes.get(j).mul(coefficient(order, index, j)));
        }
        return sample.add(change);
    }

    /** Integral of the j-th Lagrange polynomial from σ_i to σ_{i+1}, exact by Simpson's rule. */
    private double coefficient(int order, int index, int j) {
        // Simpson's rule is exact up to degree 3, which is the degree of order 4.
        double a = sigma(index);
        double b = sigma(index + 1);
        return (b - a)
                / 6
                * (lagrange(order, index, j, a)
                        + 4 * lagrange(order, index, j, (a + b) / 2)
                        + lagrange(order, index, j, b));
    }

    private double lagrange(int order, int index, int j, double tau) {
        double product = 1;
        for (int k = 0; k < order; k++) {
            if (k != j) {
                product *= (tau - sigma(index - k)) / (sigma(index - j) - sigma(index - k));
            }
        }
        return product;
    }

    @Override
    public void close() {
        slopes.close();
    }
}
