package org.diffusionsoup.diffusion.schedule;

import java.util.Arrays;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * The forward process p(x_t | x_0) = N(γ_t x_0, σ_t² I) at the discrete timesteps a model is
 * trained on (paper, Section 3): γ_t² is the cumulative product of 1 − β, and σ_t² = 1 − γ_t².
 * Immutable; numbers in double precision.
 */
public final class NoiseTable {
    /** Stands for a cumulative product of 0 where a division by it is due (diffusers: 2^-24). */
    private static final double SMALLEST = 0x1p-24;

    private final double[] betas;
    private final double[] products;

    private NoiseTable(double[] betas, double[] products) {
        this.betas = betas;
        this.products = products;
    }

    /**
     * A table from one of the usual schedules.
     *
     * @param start β of the first timestep (unused by the squared cosine)
     * @param end β of the last timestep (unused by the squared cosine)
     * @param n number of timesteps
     * @param zeroTerminalSnr whether to rescale so that the last timestep is pure noise
     */
    public static NoiseTable of(
            BetaSchedule schedule, double start, double end, int n, boolean zeroTerminalSnr) {
        if (n < 1) {
            throw new ScheduleException("a noise table needs 1 or more timesteps, not " + n);
        }
        return of(schedule.betas(start, end, n), zeroTerminalSnr);
    }

    /**
     * A table from given coefficients.
     *
     * @param betas β_t, each in (0, 1)
     * @param zeroTerminalSnr whether to rescale so that the last timestep is pure noise
     */
    public static NoiseTable of(double[] betas, boolean zeroTerminalSnr) {
        double[] b = betas.clone();
        double[] products = cumulative(b);
        if (zeroTerminalSnr) {
            b = rescaled(products);
            products = cumulative(b);
        }
        return new NoiseTable(b, products);
    }

    private static double[] cumulative(double[] betas) {
        double[] out = new double[betas.length];
        double p = 1;
        for (int t = 0; t < out.length; t++) {
            p *= 1 - betas[t];
            out[t] = p;
        }
        return out;
    }

    /** Lin et al. 2024, "Common diffusion noise schedules and sample steps are flawed", Alg. 1. */
    private static double[] rescaled(double[] products) {
        int n = products.length;
        double first = Math.sqrt(products[0]);
        double last = Math.sqrt(products[n - 1]);
        double scale = first / (first - last);
        double[] betas = new double[n];
        double before = 1;
        for (int t = 0; t < n; t++) {
            double gamma = (Math.sqrt(products[t]) - last) * scale;
            betas[t] = 1 - gamma * gamma / before;
            before = gamma * gamma;
        }
        return betas;
    }

    /** This table with a last cumulative product of 0 replaced by a tiny positive one. */
    NoiseTable withPositiveEnd(boolean wanted) {
        if (!wanted) {
            return this;
        }
        double[] p = products.clone();
        p[p.length - 1] = SMALLEST;
        return new NoiseTable(betas, p);
    }

    /** Number of timesteps. */
    public int size() {
        return betas.length;
    }

    /** The diffusion coefficient β_t. */
    public double beta(int t) {
        return betas[t];
    }

    /** γ_t², the cumulative product of 1 − β up to t. */
    public double alphaCumprod(int t) {
        return products[t];
    }

    /** γ_t, the share of the clean sample in x_t. */
    public double gamma(int t) {
        return Math.sqrt(products[t]);
    }

    /** σ_t, the share of the noise in x_t. */
    public double sigma(int t) {
        return Math.sqrt(1 - products[t]);
    }

    /** σ_t / γ_t, the noise level of x_t / γ_t. */
    public double noiseLevel(int t) {
        return Math.sqrt((1 - products[t]) / products[t]);
    }

    /** A copy of all β_t. */
    public double[] betas() {
        return betas.clone();
    }

    /** A copy of all γ_t². */
    public double[] alphasCumprod() {
        return products.clone();
    }

    /**
     * Diffused samples x_t = γ_t x_0 + σ_t ε.
     *
     * @param clean x_0 (N, ...)
     * @param noise ε, standard normal, of the same shape
     * @param timesteps one per row
     */
    public Tensor addNoise(Tensor clean, Tensor noise, long... timesteps) {
        return clean.mul(gammas(clean, timesteps)).add(noise.mul(sigmas(clean, timesteps)));
    }

    /**
     * The velocity γ_t ε − σ_t x_0, what a v-prediction model is trained to predict.
     *
     * @param clean x_0 (N, ...)
     * @param noise ε of the same shape
     * @param timesteps one per row
     */
    public Tensor velocity(Tensor clean, Tensor noise, long... timesteps) {
        return noise.mul(gammas(clean, timesteps)).sub(clean.mul(sigmas(clean, timesteps)));
    }

    private Tensor gammas(Tensor like, long[] timesteps) {
        float[] v = new float[timesteps.length];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) gamma(checked(timesteps[i]));
        }
        return perRow(like, v);
    }

    private Tensor sigmas(Tensor like, long[] timesteps) {
        float[] v = new float[timesteps.length];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) sigma(checked(timesteps[i]));
        }
        return perRow(like, v);
    }

    private int checked(long t) {
        if (t < 0 || t >= betas.length) {
            throw new ScheduleException("timestep " + t + " is outside 0 to " + (betas.length - 1));
        }
        return (int) t;
    }

    /** Values (N) as a tensor (N, 1, ..., 1) of the rank of another. */
    static Tensor perRow(Tensor like, float[] values) {
        if (values.length != like.size(0)) {
            throw new ScheduleException(
                    values.length + " timesteps are given for " + like.size(0) + " samples");
        }
        long[] shape = new long[like.rank()];
        Arrays.fill(shape, 1);
        shape[0] = values.length;
        return Tensor.of(values, shape);
    }
}
