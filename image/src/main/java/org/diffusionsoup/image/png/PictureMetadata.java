package org.diffusionsoup.image.png;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.DType;

/**
 * The settings that make a generated picture again, as they are written into its file.
 *
 * @param prompt the prompt as given
 * @param negativePrompt what guidance leads away from; empty for the plain unconditional
 * @param seed of the initial noise
 * @param modelHash SHA-256 of the model's weights, 64 hexadecimal digits
 * @param guidanceScale 1 means no guidance
 * @param scheduler class name, such as {@code DDIMScheduler}
 * @param steps denoising steps, at least 1
 * @param weights the format that the model's weights were held in, to which they were rounded
 */
public record PictureMetadata(
        String prompt,
        String negativePrompt,
        long seed,
        String modelHash,
        double guidanceScale,
        String scheduler,
        int steps,
        DType weights) {

    /** Keyword of the one-string form of all settings, which popular picture viewers show. */
    public static final String PARAMETERS_KEY = "parameters";

    /** Keyword of the weights' format, where it is not F32. */
    private static final String WEIGHTS_KEY = "weights_dtype";

    private static final String SOFTWARE = "Diffusion Soup";

    public PictureMetadata {
        if (steps < 1) {
            throw new SoupException(
                    "A picture needs at least one denoising step, got %d.".formatted(steps));
        }
    }

    /** Of a picture that was drawn with weights in float32. */
    public PictureMetadata(
            String prompt,
            String negativePrompt,
            long seed,
            String modelHash,
            double guidanceScale,
            String scheduler,
            int steps) {
        this(prompt, negativePrompt, seed, modelHash, guidanceScale, scheduler, steps, DType.F32);
    }

    /** Adds the weights' format to a file's texts, where it is not float32. */
    public static void putWeights(Map<String, String> text, DType weights) {
        if (weights != DType.F32) {
            text.put(WEIGHTS_KEY, weights.safetensorsName());
        }
    }

    /**
     * Keywords and values of the file's text chunks: one per setting, and {@code parameters} with
     * all of them in the one-string form that popular picture viewers show.
     */
    public Map<String, String> toText() {
        Map<String, String> text = new LinkedHashMap<>();
        text.put("prompt", prompt);
        if (!negativePrompt.isEmpty()) {
            text.put("negative_prompt", negativePrompt);
        }
        text.put("seed", Long.toString(seed));
        text.put("model_sha256", modelHash);
        text.put("guidance_scale", Double.toString(guidanceScale));
        text.put("scheduler", scheduler);
        text.put("steps", Integer.toString(steps));
        putWeights(text, weights);
        String negative = negativePrompt.isEmpty() ? "" : "\nNegative prompt: " + negativePrompt;
        String hash = modelHash.substring(0, Math.min(10, modelHash.length()));
        text.put(
                PARAMETERS_KEY,
                prompt
                        + negative
                        + "\nSteps: "
                        + steps
                        + ", Sampler: "
                        + scheduler
                        + ", CFG scale: "
                        + guidanceScale
                        + ", Seed: "
                        + seed
                        + ", Model hash: "
                        + hash
                        + (weights == DType.F32 ? "" : ", Weights: " + weights));
        text.put("Software", SOFTWARE);
        return text;
    }

    /**
     * The settings in a file's texts.
     *
     * @return empty if one is missing, as in pictures of other programs
     * @throws SoupException if a number is malformed, or the weights' format unknown
     */
    public static Optional<PictureMetadata> fromText(Map<String, String> text) {
        for (String key :
                new String[] {
                    "prompt", "seed", "model_sha256", "guidance_scale", "scheduler", "steps"
                }) {
            if (!text.containsKey(key)) {
                return Optional.empty();
            }
        }
        try {
            return Optional.of(
                    new PictureMetadata(
                            text.getOrDefault("prompt", ""),
                            text.getOrDefault("negative_prompt", ""),
                            Long.parseLong(text.getOrDefault("seed", "")),
                            text.getOrDefault("model_sha256", ""),
                            Double.parseDouble(text.getOrDefault("guidance_scale", "")),
                            text.getOrDefault("scheduler", ""),
                            Integer.parseInt(text.getOrDefault("steps", "")),
                            weights(text.getOrDefault(WEIGHTS_KEY, DType.F32.name()))));
        } catch (NumberFormatException e) {
            throw new SoupException(
                    "The picture's metadata hold a malformed number: %s.".formatted(e.getMessage()),
                    e);
        }
    }

    private static DType weights(String name) {
        return DType.ofSafetensorsName(name)
                .orElseThrow(() ->
                        new SoupException(
                                "The picture's metadata name weights of '%s', which is no format."
                                        .formatted(name)));
    }
}
