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

    /** As in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }
}
