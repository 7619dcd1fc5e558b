package org.diffusionsoup.core.checkpoint;

import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.tensor.TensorInfo;

/** Says what a checkpoint looks like, by the names and shapes of a few tensors. */
public final class ModelGuess {
    private static final String LDM = "model.diffusion_model.";

    private ModelGuess() {}

    /** A name such as {@code Stable Diffusion XL}, empty where nothing is recognised. */
    public static Optional<String> of(
            SequencedMap<String, ? extends Map<String, TensorInfo>> parts) {
        Map<String, TensorInfo> unet = parts.get("unet");
        if (unet != null) {
            return ofTensors(unet);
        }
        return parts.values().stream()
                .map(ModelGuess::ofTensors)
                .flatMap(Optional::stream)
                .findFirst();
    }

    static Optional<String> ofTensors(Map<String, TensorInfo> tensors) {
        Optional<String> model = Architecture.of(tensors).map(Architecture::title);
        Optional<String> special = SpecialWeights.of(tensors).map(SpecialWeights::title);
        return model.isPresent() && special.isPresent()
                ? Optional.of(model.get() + ", " + special.get())
                : special.or(() -> model);
    }

    /** Whether tensors bear the names of the original Stable Diffusion code. */
    public static boolean isLdm(Map<String, TensorInfo> tensors) {
        return tensors.keySet().stream()
                .anyMatch(k -> k.startsWith(LDM) || k.startsWith("first_stage_model."));
    }
}
