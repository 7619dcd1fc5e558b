package org.diffusionsoup.diffusion.schedule;

import java.util.Arrays;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/**
 * Timesteps with the noise level σ/γ at each of them and, as one more entry, at the end of a run.
 */
final class NoiseLevels {
    /** ρ of Karras et al. 2022, Eq. 5. */
    private static final double RHO = 7;

    private final double[] timesteps;
    private final double[] sigmas;

    /** Takes over the arrays. */
    NoiseLevels(double[] timesteps, double[] sigmas) {
        this.timesteps = timesteps;
        this.sigmas = sigmas;
    }

    double[] timesteps() {
        return timesteps;
    }

    double[] sigmas() {
        return sigmas;
    }

    /** Levels of the solvers in the space x_t / γ_t (Euler, Heun, LMS). */
    static NoiseLevels direct(SchedulerConfig c, NoiseTable table, int steps) {
        double[] t = c.spacing("linspace").timesteps(table.size(), steps, c.stepsOffset(), false);
        double[] all = levels(table);
        double[] sigmas = interpolated(all, t);
        c.json().only("interpolation_type", "linear", "log_linear");
        if (c.json().text("interpolation_type", "linear").equals("log_linear")) {
            sigmas = logLinear(all, t.length);
        }
        if (karras(c)) {
            sigmas = karras(c, sigmas[0], sigmas[sigmas.length - 1], t.length);
            t = nearest(sigmas, all, false);
        }
        return new NoiseLevels(t, withEnd(sigmas, endIsZero(c) ? 0 : all[0]));
    }

    /** Levels of the solvers in the logarithm of the signal-to-noise ratio (DPM-Solver, UniPC). */
    static NoiseLevels multistep(
            SchedulerConfig c, NoiseTable table, double[] timesteps, boolean karrasEnd) {
        double[] all = levels(table);
        if (karras(c)) {
            double[] sigmas = karras(c, all[all.length - 1], all[0], timesteps.length);
            double end = karrasEnd ? sigmas[sigmas.length - 1] : all[0];
            return new NoiseLevels(
                    nearest(sigmas, all, true), withEnd(sigmas, endIsZero(c) ? 0 : end));
        }
        return new NoiseLevels(
                timesteps, withEnd(interpolated(all, timesteps), endIsZero(c) ? 0 : all[0]));
    }

    static boolean endIsZero(SchedulerConfig c) {
        c.json().only("final_sigmas_type", "zero", "sigma_min");
        return c.json().text("final_sigmas_type", "zero").equals("zero");
    }

    private static boolean karras(SchedulerConfig c) {
        return c.json().flag("use_karras_sigmas", false);
    }

    private static double[] levels(NoiseTable table) {
        double[] out = new double[table.size()];
        for (int t = 0; t < out.length; t++) {
            out[t] = table.noiseLevel(t);
        }
        if (Double.isInfinite(out[out.length - 1])) {
            throw new UnsupportedConfigException(
                    "this scheduler cannot start from a timestep without signal");
        }
        return out;
    }

    /** The level at a fractional timestep, linear between whole ones. */
    static double interpolated(double[] all, double t) {
        if (t <= 0) {
            return all[0];
        }
        int low = (int) t;
        return low >= all.length - 1
                ? all[all.length - 1]
                : all[low] + (t - low) * (all[low + 1] - all[low]);
    }

    private static double[] interpolated(double[] all, double[] t) {
        double[] out = new double[t.length];
        for (int i = 0; i < t.length; i++) {
            out[i] = interpolated(all, t[i]);
        }
        return out;
    }

    private static double[] logLinear(double[] all, int n) {
        double low = Math.log(all[0]);
        double high = Math.log(all[all.length - 1]);
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            out[i] = Math.exp(high + (low - high) * i / n);
        }
        return out;
    }

    /** Karras et al. 2022, "Elucidating the design space ...", Eq. 5. */
    private static double[] karras(SchedulerConfig c, double from, double to, int n) {
        double largest = c.json().number("sigma_max", from);
        double smallest = c.json().number("sigma_min", to);
        if (n > 1 && !(smallest < largest)) {
            throw new UnsupportedConfigException(
                    "%s: use_karras_sigmas goes down from sigma_max to sigma_min, and these are %s and %s; sigma_min must be the smaller one"
                            .formatted(c.json().source(), largest, smallest));
        }
        double high = Math.pow(largest, 1 / RHO);
        double low = Math.pow(smallest, 1 / RHO);
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            double ramp = n == 1 ? 0 : (double) i / (n - 1);
            out[i] = Math.pow(high + ramp * (low - high), RHO);
        }
        return out;
    }

    /** The timesteps whose levels are the given ones, linear in log σ between whole timesteps. */
    private static double[] nearest(double[] sigmas, double[] all, boolean whole) {
        double[] out = new double[sigmas.length];
        for (int i = 0; i < out.length; i++) {
            double log = Math.log(Math.max(sigmas[i], 1e-10));
            int low = 0;
            while (low < all.length - 2 && Math.log(all[low + 1]) <= log) {
                low++;
            }
            double a = Math.log(all[low]);
            double b = Math.log(all[low + 1]);
            double w = Math.clamp((a - log) / (a - b), 0, 1);
            double t = (1 - w) * low + w * (low + 1);
            out[i] = whole ? Math.rint(t) : t;
        }
        return out;
    }

    private static double[] withEnd(double[] sigmas, double end) {
        double[] out = Arrays.copyOf(sigmas, sigmas.length + 1);
        out[sigmas.length] = end;
        return out;
    }
}
