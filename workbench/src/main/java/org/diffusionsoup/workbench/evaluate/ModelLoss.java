package org.diffusionsoup.workbench.evaluate;

import java.util.List;
import java.util.Optional;
import org.diffusionsoup.diffusion.schedule.PredictionType;

/**
 * One model's denoising loss on some pictures.
 *
 * @param model its name
 * @param unetSha256 content hash of its UNet
 * @param latents names what its latents are: content hash of the autoencoder and scaling factor
 * @param alphasCumprod γ_t² per timestep, the forward process it was trained on
 * @param target what its UNet predicts, and what {@code own} is measured in
 * @param own per picture, the mean over draws of the mean squared error per value of the
 *     prediction: what training minimises
 * @param noise per picture, the same error of the noise ε that the predictions imply, which models
 *     of different targets can be compared in
 * @param byTimestep mean of {@code own}'s errors over pictures per draw, whose timesteps lie in
 *     equal parts of the range, from almost clean to almost pure noise
 * @param notes sentences about pictures and captions
 */
public record ModelLoss(
        String model,
        String unetSha256,
        String latents,
        List<Double> alphasCumprod,
        PredictionType target,
        List<Double> own,
        List<Double> noise,
        List<Double> byTimestep,
        List<String> notes) {
    public ModelLoss {
        alphasCumprod = List.copyOf(alphasCumprod);
        own = List.copyOf(own);
        noise = List.copyOf(noise);
        byTimestep = List.copyOf(byTimestep);
        notes = List.copyOf(notes);
    }

    /** Why this loss and another one measure different things, in words; empty if they do not. */
    Optional<String> unlike(ModelLoss other) {
        if (!latents.equals(other.latents)) {
            return Optional.of("another autoencoder, so other latents");
        }
        if (!alphasCumprod.equals(other.alphasCumprod)) {
            return Optional.of("another noise schedule");
        }
        return Optional.empty();
    }
}
