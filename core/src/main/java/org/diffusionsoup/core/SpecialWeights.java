package org.diffusionsoup.core;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Tensors that are no weights by themselves: factors of low-rank updates, and codes that mean
 * something only with their scales. Their mean is not the mean of what they stand for, so they are
 * told by their names and not averaged.
 *
 * @param title such as {@code LoRA (kohya)}
 * @param key a tensor that tells it
 * @param factors whether they are factors of updates; otherwise they are codes
 */
public record SpecialWeights(String title, String key, boolean factors) {
    /** Last words of keys, each with what they tell; keys that hold {@code lora} come before. */
    private static final Map<String, String> ADAPTERS =
            Map.ofEntries(
                    Map.entry("hada_w1_a", "LoRA (LyCORIS LoHa)"),
                    Map.entry("hada_w1_b", "LoRA (LyCORIS LoHa)"),
                    Map.entry("hada_w2_a", "LoRA (LyCORIS LoHa)"),
                    Map.entry("hada_w2_b", "LoRA (LyCORIS LoHa)"),
                    Map.entry("lokr_w1", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_w1_a", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_w1_b", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_w2", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_w2_a", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_w2_b", "LoRA (LyCORIS LoKr)"),
                    Map.entry("lokr_t2", "LoRA (LyCORIS LoKr)"),
                    Map.entry("oft_blocks", "LoRA (LyCORIS OFT)"),
                    Map.entry("oft_diag", "LoRA (LyCORIS OFT)"),
                    Map.entry("oft_R", "LoRA (peft OFT)"),
                    Map.entry("oft_r", "LoRA (peft OFT)"),
                    Map.entry("boft_R", "LoRA (peft BOFT)"),
                    Map.entry("on_input", "LoRA (LyCORIS IA3)"),
                    Map.entry("ia3_l", "LoRA (peft IA3)"),
                    Map.entry("vera_lambda_b", "LoRA (peft VeRA)"),
                    Map.entry("vera_lambda_d", "LoRA (peft VeRA)"),
                    Map.entry("dora_scale", "LoRA (DoRA)"));

    private static final Map<String, String> CODES =
            Map.ofEntries(
                    Map.entry("scaled_fp8", "scaled FP8"),
                    Map.entry("scale_weight", "scaled FP8"),
                    Map.entry("weight_scale", "scaled FP8"),
                    Map.entry("weight_scale_inv", "scaled FP8"),
                    Map.entry("weight_scale_2", "scaled FP4"),
                    Map.entry("comfy_quant", "quantised weights (ComfyUI)"),
                    Map.entry("absmax", "NF4 (bitsandbytes)"),
                    Map.entry("nested_absmax", "NF4 (bitsandbytes)"),
                    Map.entry("quant_map", "NF4 (bitsandbytes)"),
                    Map.entry("nested_quant_map", "NF4 (bitsandbytes)"),
                    Map.entry("bitsandbytes__nf4", "NF4 (bitsandbytes)"),
                    Map.entry("bitsandbytes__fp4", "FP4 (bitsandbytes)"),
                    Map.entry("SCB", "INT8 (bitsandbytes)"),
                    Map.entry("qweight", "quantised weights (GPTQ, AWQ or SVDQuant)"),
                    Map.entry("qzeros", "quantised weights (GPTQ or AWQ)"),
                    Map.entry("wscales", "quantised weights (SVDQuant)"),
                    Map.entry("weight_packed", "quantised weights (compressed-tensors)"),
                    Map.entry("W_q", "quantised weights (HQQ)"),
                    Map.entry("_data", "quantised weights (quanto)"));

    /** How a scale is called beside codes {@code NAME}, or {@code MODULE.weight}. */
    private static final List<String> SCALES =
            List.of("_scale", "_scales", "_scale_inv", ".scale", "._scale");

    private static final List<String> MODULE_SCALES = List.of("scale", "scales", "scale_inv");

    /**
     * What a state dict holds that is no weights by itself; empty where it has only plain weights.
     */
    public static Optional<SpecialWeights> of(Map<String, TensorInfo> tensors) {
        for (TensorInfo t : tensors.values()) {
            String key = t.name();
            if (key.contains("lora") || key.startsWith("lycoris_")) {
                Optional<SpecialWeights> lora = lora(key);
                if (lora.isPresent()) {
                    return lora;
                }
            }
            if (key.endsWith(".weight") || key.endsWith(".bias")) {
                if (isCode(t.dtype()) && t.shape().length > 1 && hasScale(tensors, key)) {
                    String title =
                            t.dtype().isFloat() ? "scaled FP8" : "quantised weights with scales";
                    return Optional.of(new SpecialWeights(title, key, false));
                }
                continue; // nearly all
            }
            Optional<SpecialWeights> other = byLastWord(key);
            if (other.isPresent()) {
                return other;
            }
        }
        return Optional.empty();
    }

    private static Optional<SpecialWeights> byLastWord(String key) {
        String last = key.substring(key.lastIndexOf('.') + 1);
        String codes = CODES.get(last);
        if (codes != null) {
            return Optional.of(new SpecialWeights(codes, key, false));
        }
        String adapter = ADAPTERS.get(last);
        if (adapter == null
                && last.indexOf(':') > 0
                && last.matches("(unet|text_encoder(_2)?):\\d+:(up|down|alpha|rank)")) {
            adapter = "LoRA (cloneofsimo)";
        }
        return Optional.ofNullable(adapter).map(a -> new SpecialWeights(a, key, true));
    }

    private static Optional<SpecialWeights> lora(String key) {
        String title = "";
        if (key.startsWith("lycoris_")) {
            title = "LoRA (LyCORIS)";
        } else if (key.contains("lora_A") || key.contains("lora_B")) {
            title = "LoRA (peft)";
        } else if (key.contains("lora_embedding_") || key.contains("lora_magnitude_vector")) {
            title = "LoRA (peft)";
        } else if (key.contains("_lora.up")
                || key.contains("_lora.down")
                || key.contains("lora_linear_layer")
                || key.contains(".lora.up")
                || key.contains(".lora.down")) {
            title = "LoRA (diffusers)";
        } else if (key.startsWith("lora_")
                || key.contains("lora_up")
                || key.contains("lora_down")
                || key.contains("lora_mid")) {
            Optional<SpecialWeights> adapter = byLastWord(key).filter(SpecialWeights::factors);
            title = adapter.map(SpecialWeights::title).orElse("LoRA (kohya)");
        }
        return title.isEmpty()
                ? Optional.empty()
                : Optional.of(new SpecialWeights(title, key, true));
    }

    private static boolean isCode(DType dtype) {
        return switch (dtype) {
            case F8_E4M3, F8_E5M2, I8, U8, I32, U32 -> true;
            default -> false;
        };
    }

    private static boolean hasScale(Map<String, TensorInfo> tensors, String key) {
        for (String s : SCALES) {
            if (tensors.containsKey(key + s)) {
                return true;
            }
        }
        String module = key.substring(0, key.lastIndexOf('.') + 1);
        for (String s : MODULE_SCALES) {
            if (tensors.containsKey(module + s)) {
                return true;
            }
        }
        return false;
    }

    /** What a checkpoint's parts hold, the first that tells. */
    public static Optional<SpecialWeights> of(Checkpoint checkpoint) {
        for (TensorSource part : checkpoint.parts().values()) {
            Optional<SpecialWeights> found = of(part.tensors());
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    /**
     * Refuses a checkpoint whose tensors are no weights by themselves.
     *
     * @param what is not done with them, such as {@code averaged}
     * @throws SoupException if they are not; says why, and what to do
     */
    public static void refuse(Checkpoint checkpoint, String what) {
        of(checkpoint)
                .ifPresent(s -> {
                    throw new SoupException(s.reason(checkpoint.path().toString(), what));
                });
    }

    /** Why they are not averaged, and what to do. */
    String reason(String name, String what) {
        String start = name + " holds " + (factors ? "a " : "") + title + " (tensor '" + key + "')";
        return factors
                ? start
                        + ", not a checkpoint: low-rank factors are not "
                        + what
                        + ", as the product of means is not the mean of the products; apply each"
                        + " LoRA to its base first, and use the checkpoints that gives."
                : start
                        + ": codes that are weights only with their scales, and are not "
                        + what
                        + " apart from them; use the model's F16, BF16 or F32 file.";
    }
}
