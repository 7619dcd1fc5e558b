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

    /** The clean sample x_0 that a prediction at x_t implies. */
    Tensor cleanSample(Tensor prediction, Tensor x, double gamma, double sigma) {
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
