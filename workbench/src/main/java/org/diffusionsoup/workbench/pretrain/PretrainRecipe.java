package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions.Schedule;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;

/**
 * Everything that decides what a pretrained base comes out as.
 *
 * @param merges size of the byte-pair vocabulary beyond the bytes
 * @param maxTokens longest prompt in tokens
 * @param vae shape of the autoencoder
 * @param vaeTraining its optimisation; empty where the autoencoder of another base is taken over
 * @param klWeight pull of its latents towards the standard normal
 * @param edgeWeight weight of its error in edges
 * @param text shape of the text encoder; {@code vocabSize} is filled in from the tokenizer
 * @param unet shape of the denoiser
 * @param unetTraining its optimisation
 * @param captionDropout share of rows trained without caption
 * @param noiseDraws timesteps drawn for a row, of which the noisiest is taken
 */
public record PretrainRecipe(
        int merges,
        int maxTokens,
        VaeConfig vae,
        Optional<TrainingOptions> vaeTraining,
        double klWeight,
        double edgeWeight,
        ClipTextConfig text,
        UNetConfig unet,
        TrainingOptions unetTraining,
        double captionDropout,
        int noiseDraws) {

    /**
     * The recipe of {@code models/scene-base}.
     *
     * @param vaeSteps 0 to take another base's autoencoder over
     * @param vaeBatch pictures per step of the autoencoder
     * @param unetSteps of the denoiser
     * @param unetBatch pictures per step of the denoiser
     * @param unetRate peak learning rate of denoiser and text encoder
     */
    public static PretrainRecipe scenes(
            long vaeSteps,
            int vaeBatch,
            long unetSteps,
            int unetBatch,
            double unetRate,
            Schedule unetSchedule,
            long seed) {
        int width = 160;
        return new PretrainRecipe(
                1500,
                32,
                new VaeConfig(3, 3, 8, List.of(16, 32, 64), 1, 8, 1.0, false, true, true, 64),
                vaeSteps == 0
                        ? Optional.empty()
                        : Optional.of(
                                training(vaeSteps, vaeBatch, 1e-3, Schedule.COSINE, 1e-4, seed)),
                1e-4,
                0.4,
                new ClipTextConfig(2014, width, 4 * width, 3, 5, 32, Activation.GELU, 1e-5, 2, 128),
                new UNetConfig(
                        16,
                        8,
                        8,
                        List.of("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                        List.of("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                        List.of(48, 96, 160),
                        1,
                        List.of(2, 3, 5),
                        List.of(1, 1, 1),
                        width,
                        true,
                        false,
                        16,
                        1e-5,
                        true,
                        0,
                        0,
                        0,
                        true),
                training(unetSteps, unetBatch, unetRate, unetSchedule, 1e-2, seed + 2),
                0.1,
                2);
    }

    private static TrainingOptions training(
            long steps, int batch, double lr, Schedule schedule, double decay, long seed) {
        return new TrainingOptions(
                steps,
                batch,
                1,
                lr,
                schedule,
                Math.min(200, Math.max(1, steps / 10)),
                decay,
                0.9,
                0.99,
                1e-8,
                1.0,
                0.999,
                seed,
                false);
    }

    /**
     * The scheduler the base ships with: velocity prediction on SD's noise schedule rescaled to end
     * in pure noise (Lin et al. 2024), because flat white backgrounds show a leaked signal at once.
     */
    ObjectNode scheduler() {
        ObjectNode o = JsonConfig.object();
        o.put("_class_name", "DDIMScheduler");
        o.put("_diffusers_version", "0.31.0");
        o.put("beta_end", 0.012);
        o.put("beta_schedule", "scaled_linear");
        o.put("beta_start", 0.00085);
        o.put("clip_sample", false);
        o.put("num_train_timesteps", 1000);
        o.put("prediction_type", "v_prediction");
        o.put("rescale_betas_zero_snr", true);
        o.put("set_alpha_to_one", false);
        o.put("steps_offset", 1);
        o.put("timestep_spacing", "trailing");
        return o;
    }

    /** The recipe for the headers of the weights it makes. */
    SoupRecipe header(String drawingsSha256) {
        ObjectNode o = JsonConfig.object();
        o.put(SoupRecipe.METHOD, "pretrain");
        o.put("drawings_sha256", drawingsSha256);
        o.put("merges", merges);
        o.put("max_tokens", maxTokens);
        o.put("kl_weight", klWeight);
        o.put("edge_weight", edgeWeight);
        o.put("caption_dropout", captionDropout);
        o.put("noise_draws", noiseDraws);
        vaeTraining.ifPresent(t -> o.set("vae_training", options(t)));
        o.set("unet_training", options(unetTraining));
        return new SoupRecipe(o.toString());
    }

    private static ObjectNode options(TrainingOptions t) {
        ObjectNode o = JsonConfig.object();
        t.describe(o);
        return o;
    }
}
