package org.diffusionsoup.core.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

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
    /** Last words of keys of codes, each with what they tell. */
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

    /** What is done before a model is run. */
    private static final String CONVERTED = "converted";

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
                Optional<SpecialWeights> adapter = adapter(key);
                if (adapter.isPresent()) {
                    return adapter;
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
        String codes = CODES.get(key.substring(key.lastIndexOf('.') + 1));
        return codes != null ? Optional.of(new SpecialWeights(codes, key, false)) : adapter(key);
    }

    private static Optional<SpecialWeights> adapter(String key) {
        return AdapterKey.of(key).map(k -> new SpecialWeights(k.title(), key, true));
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
        if (factors && what.equals(CONVERTED)) {
            return start
                    + ", not a model by itself: give the base it was made for as `model` and this as"
                    + " `lora`, or put it into its base with 'soup lora fuse'.";
        }
        return factors
                ? start
                        + ", not a checkpoint: low-rank factors are not "
                        + what
                        + ", as the product of means is not the mean of the products; 'soup lora"
                        + " merge' averages products, and 'soup lora fuse' puts each LoRA into its"
                        + " base first, for all that works on checkpoints."
                : start
                        + ": codes that are weights only with their scales, and are not "
                        + what
                        + " apart from them; use the model's F16, BF16 or F32 file.";
    }
}
