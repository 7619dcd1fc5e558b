package org.diffusionsoup.core.convert;

import java.util.Arrays;
import java.util.Optional;

/** What a denoiser was trained to predict; shapes do not tell it. */
public enum PredictionType {
    /** The noise. */
    EPSILON("epsilon"),
    /** Velocity, {@code α·noise − σ·sample}: Stable Diffusion 2.x at 768 pixels. */
    V_PREDICTION("v_prediction"),
    /** The clean sample. */
    SAMPLE("sample");

    private final String configName;

    PredictionType(String configName) {
        this.configName = configName;
    }

    /** The one of that name in a scheduler's configuration; empty where it is none of them. */
    public static Optional<PredictionType> of(String configName) {
        return Arrays.stream(values()).filter(t -> t.configName.equals(configName)).findFirst();
    }

    /** As in {@code scheduler_config.json}. */
    public String configName() {
        return configName;
    }
}
