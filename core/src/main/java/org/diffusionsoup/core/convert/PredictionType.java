package org.diffusionsoup.core.convert;

/** What a denoiser was trained to predict; shapes do not tell it. */
public enum PredictionType {
    /** The noise. */
    EPSILON("epsilon"),
    /** Velocity, {@code α·noise − σ·sample}: Stable Diffusion 2.x at 768 pixels. */
    V_PREDICTION("v_prediction");

    private final String configName;

    PredictionType(String configName) {
        this.configName = configName;
    }

    /** The one of that name in a scheduler's configuration; noise where it is neither. */
    static PredictionType of(String configName) {
        return configName.equals(V_PREDICTION.configName) ? V_PREDICTION : EPSILON;
    }

    /** As in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }
}
