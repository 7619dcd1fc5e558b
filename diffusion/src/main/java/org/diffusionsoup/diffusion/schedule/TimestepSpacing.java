package org.diffusionsoup.diffusion.schedule;

import java.util.function.IntFunction;
import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/** Which of the training timesteps a run visits (Lin et al. 2024, Table 2). All lists descend. */
public enum TimestepSpacing {
    LINSPACE("linspace"),
    LEADING("leading"),
    TRAILING("trailing");

    private final String configName;

    TimestepSpacing(String configName) {
        this.configName = configName;
    }

    /** Its name in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }

    /**
     * The spacing of a name.
     *
     * @throws UnsupportedConfigException for any other name
     */
    public static TimestepSpacing of(String name) {
        for (TimestepSpacing s : values()) {
            if (s.configName.equals(name)) {
                return s;
            }
        }
        throw new UnsupportedConfigException(
                "timestep_spacing "
                        + name
                        + " is not supported; use linspace, leading or trailing");
    }

    /**
     * Timesteps of a run.
     *
     * @param trained number of training timesteps
     * @param steps wanted
     * @param offset added to leading timesteps
     * @param whole whether linspace timesteps are rounded to whole numbers
     * @throws ScheduleException if so many steps go beyond the trained timesteps, or visit one
     *     twice
     */
    double[] timesteps(int trained, int steps, int offset, boolean whole) {
        return usable(trained, steps, n -> spread(trained, n, offset, whole));
    }

    private double[] spread(int trained, int steps, int offset, boolean whole) {
        return switch (this) {
            case LINSPACE -> {
                double[] t = new double[steps];
                for (int i = 0; i < steps; i++) {
                    double v = linspace(trained - 1, steps, steps - 1 - i);
                    t[i] = whole ? Math.rint(v) : (float) v;
                }
                yield t;
            }
            case LEADING -> {
                double[] t = new double[steps];
                int ratio = trained / steps;
                for (int i = 0; i < steps; i++) {
                    t[i] = (double) (steps - 1 - i) * ratio + offset;
                }
                yield t;
            }
            case TRAILING -> trailing(trained, trained, steps);
        };
    }

    /**
     * Timesteps of the multistep solvers, which also count the end point among the equal parts.
     *
     * @param last one more than the highest timestep allowed
     * @throws ScheduleException as {@link #timesteps} does
     */
    double[] multistepTimesteps(int trained, int last, int steps, int offset) {
        return usable(trained, steps, n -> multistep(trained, last, n, offset));
    }

    private double[] multistep(int trained, int last, int steps, int offset) {
        return switch (this) {
            case LINSPACE -> {
                double[] t = new double[steps];
                for (int i = 0; i < steps; i++) {
                    t[i] = Math.rint(linspace(last - 1, steps + 1, steps - i));
                }
                yield t;
            }
            case LEADING -> {
                double[] t = new double[steps];
                int ratio = last / (steps + 1);
                for (int i = 0; i < steps; i++) {
                    t[i] = (double) (steps - i) * ratio + offset;
                }
                yield t;
            }
            case TRAILING -> trailing(trained, last, steps);
        };
    }

    /** Those of a run that can be made: diffusers reads beyond its table there, or divides by 0. */
    private static double[] usable(int trained, int steps, IntFunction<double[]> timesteps) {
        double[] t = timesteps.apply(steps);
        if (isUsable(t, trained)) {
            return t;
        }
        int most = steps - 1;
        while (most > 1 && !isUsable(timesteps.apply(most), trained)) {
            most--;
        }
        throw new ScheduleException(
                "%d `steps` are too many for this scheduler and its timestep_spacing: they go beyond the %d timesteps that the model was trained with, or visit one twice; give at most %d."
                        .formatted(steps, trained, most));
    }

    private static boolean isUsable(double[] t, int trained) {
        boolean usable = t[0] <= trained - 1;
        for (int i = 1; i < t.length; i++) {
            usable &= t[i] < t[i - 1];
        }
        return usable;
    }

    private static double linspace(double end, int points, int i) {
        if (points == 1) {
            return 0;
        }
        return i == points - 1 ? end : i * (end / (points - 1));
    }

    private static double[] trailing(int trained, int last, int steps) {
        double ratio = (double) trained / steps;
        // As numpy's arange: rounding may add an entry, which the reference then visits too.
        double[] t = new double[(int) Math.ceil(last / ratio)];
        for (int i = 0; i < t.length; i++) {
            t[i] = Math.rint(last - i * ratio) - 1;
        }
        return t;
    }
}
