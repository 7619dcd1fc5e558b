package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;

/** How the diffusion coefficients β_t grow with the timestep. */
public enum BetaSchedule {
    /** β_t linear in t (Ho et al. 2020). */
    LINEAR("linear"),
    /** √β_t linear in t (Rombach et al. 2022, Stable Diffusion). */
    SCALED_LINEAR("scaled_linear"),
    /** From a squared cosine of the cumulative product, β_t capped at 0.999 (Nichol 2021). */
    SQUARED_COSINE("squaredcos_cap_v2"),
    /** A sigmoid over t from −6 to 6 (GeoDiff, Xu et al. 2022). */
    SIGMOID("sigmoid");

    private static final double COSINE_OFFSET = 0.008;
    private static final double COSINE_CAP = 0.999;

    private final String configName;

    BetaSchedule(String configName) {
        this.configName = configName;
    }

    /** Its name in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }

    /**
     * The schedule of a name.
     *
     * @throws UnsupportedConfigException for any other name
     */
    public static BetaSchedule of(String name) {
        for (BetaSchedule s : values()) {
            if (s.configName.equals(name)) {
                return s;
            }
        }
        throw new UnsupportedConfigException(
                "beta_schedule "
                        + name
                        + " is not supported; use linear, scaled_linear, squaredcos_cap_v2 or"
                        + " sigmoid");
    }

    double[] betas(double start, double end, int n) {
        double[] b = new double[n];
        for (int t = 0; t < n; t++) {
            double u = n == 1 ? 0 : (double) t / (n - 1);
            b[t] =
                    switch (this) {
                        case LINEAR -> start + u * (end - start);
                        case SCALED_LINEAR -> {
                            double s = Math.sqrt(start);
                            double root = s + u * (Math.sqrt(end) - s);
                            yield root * root;
                        }
                        case SQUARED_COSINE -> {
                            double ratio = cosine((t + 1.0) / n) / cosine((double) t / n);
                            yield Math.min(1 - ratio, COSINE_CAP);
                        }
                        case SIGMOID -> start + (end - start) / (1 + Math.exp(6 - 12 * u));
                    };
        }
        return b;
    }

    private static double cosine(double u) {
        double c = Math.cos((u + COSINE_OFFSET) / (1 + COSINE_OFFSET) * Math.PI / 2);
        return c * c;
    }
}
