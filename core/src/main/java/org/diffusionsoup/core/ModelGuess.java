package org.diffusionsoup.core;

import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/** Says what a checkpoint looks like, by the names and shapes of a few tensors. */
final class ModelGuess {
    private static final String LDM = "model.diffusion_model.";

    private ModelGuess() {}

    /** A short name such as {@code SDXL}, empty where nothing is recognised. */
    static Optional<String> of(SequencedMap<String, ? extends Map<String, TensorInfo>> parts) {
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
        if (isLora(tensors)) {
            return Optional.of("LoRA");
        }
        boolean ldm = tensors.containsKey(LDM + "input_blocks.0.0.weight");
        if (!ldm && !tensors.containsKey("conv_in.weight")) {
            return Optional.empty();
        }
        boolean xl =
                tensors.containsKey(LDM + "label_emb.0.0.weight")
                        || tensors.containsKey("add_embedding.linear_1.weight");
        long context =
                tensors.values().stream()
                        .filter(t -> t.name().endsWith("attn2.to_k.weight"))
                        .filter(t -> t.shape().length == 2)
                        .mapToLong(t -> t.shape()[1])
                        .findFirst()
                        .orElse(0);
        String name = xl ? "SDXL" : context == 768 ? "SD 1.x" : context == 1024 ? "SD 2.x" : "";
        TensorInfo in = tensors.get(ldm ? LDM + "input_blocks.0.0.weight" : "conv_in.weight");
        if (name.isEmpty() || in == null || in.shape().length != 4) {
            return Optional.empty();
        }
        return Optional.of(
                switch ((int) in.shape()[1]) {
                    case 9 -> name + " inpainting";
                    case 8 -> name + " image-editing";
                    default -> name;
                });
    }

    /** Whether a checkpoint holds low-rank updates and not weights. */
    static boolean isLora(Map<String, TensorInfo> tensors) {
        long low = tensors.keySet().stream().filter(ModelGuess::isLoraKey).count();
        return low > 0 && 2 * low >= tensors.size();
    }

    private static boolean isLoraKey(String key) {
        return key.contains("lora_up.")
                || key.contains("lora_down.")
                || key.contains("lora_A.")
                || key.contains("lora_B.")
                || key.contains(".lora.up.")
                || key.contains(".lora.down.")
                || key.contains(".lora_linear_layer.");
    }

    /** Whether tensors bear the names of the original Stable Diffusion code. */
    static boolean isLdm(Map<String, TensorInfo> tensors) {
        return tensors.keySet().stream()
                .anyMatch(k -> k.startsWith(LDM) || k.startsWith("first_stage_model."));
    }
}
