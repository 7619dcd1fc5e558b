package org.diffusionsoup.diffusion.pipeline;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * What a denoiser is told about the pictures wanted.
 *
 * @param text text embedding (N, tokens, width)
 * @param added SDXL's further conditions, empty for SD 1.x and 2.x
 */
public record Conditioning(Tensor text, Optional<Added> added) {
    /**
     * SDXL's further conditions.
     *
     * @param pooledText projected embedding of the second text encoder (N, D)
     * @param timeIds original height and width, top and left of the crop, target height and width
     *     (N, 6)
     */
    public record Added(Tensor pooledText, Tensor timeIds) {}

    /**
     * Conditions of prompts, as drawing has them; of SDXL for pictures of the size that the model
     * was trained on.
     *
     * @param model with the text encoders
     * @param prompts one per row, cut to the text encoders' length
     */
    public static Conditioning of(StableDiffusion model, List<String> prompts) {
        int side = model.unet().config().sampleSize() * model.vae().config().downFactor();
        return PromptEncoder.of(model).encode(prompts, side, side);
    }

    /** One row of it. */
    Conditioning row(int index) {
        return new Conditioning(
                text.narrow(0, index, 1),
                added.map(a ->
                        new Added(
                                a.pooledText().narrow(0, index, 1),
                                a.timeIds().narrow(0, index, 1))));
    }

    /** The rows of several conditionings below each other. */
    static Conditioning joined(List<Conditioning> parts) {
        Tensor text = Tensor.cat(parts.stream().map(Conditioning::text).toList(), 0);
        if (parts.getFirst().added().isEmpty()) {
            return new Conditioning(text, Optional.empty());
        }
        List<Added> all = parts.stream().map(p -> p.added().orElseThrow()).toList();
        return new Conditioning(
                text,
                Optional.of(
                        new Added(
                                Tensor.cat(all.stream().map(Added::pooledText).toList(), 0),
                                Tensor.cat(all.stream().map(Added::timeIds).toList(), 0))));
    }
}
