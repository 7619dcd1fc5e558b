package org.diffusionsoup.workbench.pretrain;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.diffusion.clip.ClipModel;
import org.diffusionsoup.diffusion.clip.ClipTextConfig;
import org.diffusionsoup.diffusion.clip.ClipVisionConfig;
import org.diffusionsoup.diffusion.nn.Activation;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.diffusion.unet.UNetConfig;
import org.diffusionsoup.diffusion.vae.VaeConfig;

/**
 * Everything that decides what a pretrained base comes out as.
 *
 * @param unetProviders providers whose pictures the UNet sees; the others stay new to it, so that
 *     fine-tuning on their shards has something to teach
 * @param merges size of the byte-pair vocabulary beyond the bytes
 * @param maxTokens longest prompt in tokens
 * @param vae shape of the autoencoder
 * @param vaeTraining its optimisation
 * @param klWeight pull of its latents towards the standard normal
 * @param clip shape of both CLIP towers; {@code vocabSize} is filled in from the tokenizer
 * @param clipTraining their optimisation
 * @param unet shape of the denoiser
 * @param unetTraining its optimisation
 * @param captionDropout share of rows trained without caption
 */
public record PretrainRecipe(
        List<String> unetProviders,
        int merges,
        int maxTokens,
        VaeConfig vae,
        TrainingOptions vaeTraining,
        double klWeight,
        ClipModel.Config clip,
        TrainingOptions clipTraining,
        UNetConfig unet,
        TrainingOptions unetTraining,
        double captionDropout) {

    /** Mean per channel that the embedded CLIP's preprocessor subtracts, of pixels in [0, 1]. */
    static final float[] CLIP_MEAN = {0.5f, 0.5f, 0.5f};

    /** Standard deviation per channel that the embedded CLIP's preprocessor divides by. */
    static final float[] CLIP_STD = {0.5f, 0.5f, 0.5f};

    /** The recipe of {@code models/emoji-base}. */
    public static PretrainRecipe emoji(long vaeSteps, long clipSteps, long unetSteps, long seed) {
        int width = 160;
        ClipTextConfig text =
                new ClipTextConfig(0, width, 4 * width, 3, 5, 24, Activation.GELU, 1e-5, 2, 128);
        ClipVisionConfig vision =
                new ClipVisionConfig(64, 16, width, 4 * width, 4, 5, Activation.GELU, 1e-5);
        return new PretrainRecipe(
                List.of("noto", "twemoji", "openmoji"),
                2000,
                24,
                new VaeConfig(3, 3, 4, List.of(16, 32, 64), 1, 8, 1.0, false, true, true, 64),
                training(vaeSteps, 16, 2e-3, 1e-4, 0.999, seed),
                2e-4,
                new ClipModel.Config(text, vision, 128, 2.6592),
                training(clipSteps, 128, 1e-3, 0.1, 0.99, seed + 1),
                new UNetConfig(
                        16,
                        4,
                        4,
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
                        0),
                training(unetSteps, 16, 8e-4, 1e-2, 0.999, seed + 2),
                0.1);
    }

    private static TrainingOptions training(
            long steps, int batch, double lr, double decay, double ema, long seed) {
        return new TrainingOptions(
                steps,
                batch,
                1,
                lr,
                TrainingOptions.Schedule.COSINE,
                Math.min(200, Math.max(1, steps / 10)),
                decay,
                0.9,
                0.99,
                1e-8,
                1.0,
                ema,
                seed,
                true);
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

    /** The recipe as JSON, for the headers of the weights it makes. */
    String toJson(String shardSha256) {
        ObjectNode o = JsonConfig.object();
        o.put("method", "pretrain");
        o.put("data_sha256", shardSha256);
        unetProviders.forEach(o.putArray("unet_providers")::add);
        o.put("merges", merges);
        o.put("max_tokens", maxTokens);
        o.put("kl_weight", klWeight);
        o.put("caption_dropout", captionDropout);
        o.set("vae_training", options(vaeTraining));
        o.set("clip_training", options(clipTraining));
        o.set("unet_training", options(unetTraining));
        return o.toString();
    }

    private static ObjectNode options(TrainingOptions t) {
        ObjectNode o = JsonConfig.object();
        o.put("steps", t.steps());
        o.put("batch", t.batch());
        o.put("learning_rate", t.learningRate());
        o.put("schedule", t.schedule().name().toLowerCase(Locale.ROOT));
        o.put("warmup", t.warmup());
        o.put("weight_decay", t.weightDecay());
        o.put("betas", t.beta1() + "," + t.beta2());
        o.put("clip_norm", t.clipNorm());
        o.put("ema", t.emaDecay());
        o.put("bfloat16", t.bfloat16());
        o.put("seed", t.seed());
        return o;
    }
}
