package org.diffusionsoup.diffusion.schedule;

import org.diffusionsoup.diffusion.nn.UnsupportedConfigException;
import org.diffusionsoup.diffusion.torch.Tensor;

/** What a denoiser predicts, for x_t = γ_t x_0 + σ_t ε. */
public enum PredictionType {
    /** The noise ε (Stable Diffusion 1.x and XL, paper Eq. 3). */
    EPSILON("epsilon"),
    /** The velocity γ_t ε − σ_t x_0 (Salimans and Ho 2022; Stable Diffusion 2.1). */
    V_PREDICTION("v_prediction"),
    /** The clean sample x_0. */
    SAMPLE("sample");

    private final String configName;

    PredictionType(String configName) {
        this.configName = configName;
    }

    /** Its name in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }

    /**
     * The type of a name.
     *
     * @throws UnsupportedConfigException for any other name
     */
    public static PredictionType of(String name) {
        for (PredictionType p : values()) {
            if (p.configName.equals(name)) {
                return p;
            }
        }
        throw new UnsupportedConfigException(
                "prediction_type "
                        + name
                        + " is not supported; use epsilon, v_prediction or sample");
    }

    /**
     * What the denoiser is trained to predict at x_t.
     *
     * @param table the forward process, γ_t and σ_t per timestep
     * @param clean x_0 (N, ...)
     * @param noise ε of the same shape
     * @param timesteps one per row
     * @return of the same shape
     */
    public Tensor target(NoiseTable table, Tensor clean, Tensor noise, long... timesteps) {
        return switch (this) {
            case EPSILON -> noise;
            case V_PREDICTION -> table.velocity(clean, noise, timesteps);
            case SAMPLE -> clean;
        };
    }

    /**
     * How many times as large as a prediction's error is that of the noise ε it implies, at the
     * same x_t: the noise is what predictions of different types can be compared in, and unlike the
     * clean sample it stays finite where there is no signal left.
     *
     * @param gamma γ_t
     * @param sigma σ_t, above 0
     */
    public double noiseErrorFactor(double gamma, double sigma) {
        return switch (this) {
            case EPSILON -> 1;
            case V_PREDICTION -> gamma;
            case SAMPLE -> gamma / sigma;
        };
    }

    /** The clean sample x_0 that a prediction at x_t implies. */
    public Tensor cleanSample(Tensor prediction, Tensor x, double gamma, double sigma) {
        return switch (this) {
            case EPSILON -> x.sub(prediction.mul(sigma)).div(gamma);
            case V_PREDICTION -> x.mul(gamma).sub(prediction.mul(sigma));
            case SAMPLE -> prediction;
        };
    }

    /** The noise ε that a prediction at x_t implies. */
    Tensor noise(Tensor prediction, Tensor x, double gamma, double sigma) {
        return switch (this) {
            case EPSILON -> prediction;
            case V_PREDICTION -> prediction.mul(gamma).add(x.mul(sigma));
            case SAMPLE -> x.sub(prediction.mul(gamma)).div(sigma);
        };
    }
}
