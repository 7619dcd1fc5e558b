package org.diffusionsoup.workbench.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.TrainingOptions;

/** What a header says of how an ingredient was trained. */
public final class FineTuneRecipe {
    /** Key of the rank of low-rank factors; absent where the UNet's weights were trained. */
    public static final String LORA_RANK = "lora_rank";

    /** Key of their alpha. */
    public static final String LORA_ALPHA = "lora_alpha";

    /** Key of the weights that have factors. */
    public static final String LORA_TARGET = "lora_target";

    /** Key of γ of min-SNR weighting; absent where every timestep weighs the same. */
    public static final String MIN_SNR = "min_snr_gamma";

    /** Key of the strength of offset noise; absent where there is none. */
    public static final String OFFSET_NOISE = "offset_noise";

    private FineTuneRecipe() {}

    /** What the ingredient is made of, as JSON with hashes instead of paths. */
    static ObjectNode of(FineTuneRequest request, StableDiffusion base, List<Shard> shards) {
        TrainingOptions o = request.options();
        ObjectNode r = JsonConfig.object();
        r.put("method", FineTuner.METHOD);
        r.put("base_unet_sha256", WeightsHash.of(IngredientFiles.unet(base.folder())));
        // Latents and text embeddings come from these, so another pair is another run.
        r.put("base_vae_sha256", WeightsHash.of(IngredientFiles.component(base.folder(), "vae")));
        r.put(
                "base_text_encoder_sha256",
                WeightsHash.of(
                        base.folder()
                                .resolve("text_encoder")
                                .resolve(StableDiffusion.TRANSFORMERS_WEIGHTS)));
        if (base.second().isPresent()) {
            r.put(
                    "base_text_encoder_2_sha256",
                    WeightsHash.of(
                            base.folder()
                                    .resolve("text_encoder_2")
                                    .resolve(StableDiffusion.TRANSFORMERS_WEIGHTS)));
        }
        var list = r.putArray("shards");
        for (Shard s : shards) {
            list.addObject().put("name", s.name()).put("rows", s.size()).put("sha256", s.sha256());
        }
        r.put("steps", o.steps());
        r.put("batch", o.batch());
        r.put("accumulation", o.accumulation());
        r.put("learning_rate", o.learningRate());
        r.put("schedule", o.schedule().name().toLowerCase(Locale.ROOT));
        r.put("warmup", o.warmup());
        r.put("weight_decay", o.weightDecay());
        r.put("betas", o.beta1() + "," + o.beta2());
        r.put("eps", o.eps());
        r.put("clip_norm", o.clipNorm());
        r.put("ema", o.emaDecay());
        r.put("caption_dropout", request.captionDropout());
        r.put("bfloat16", o.bfloat16());
        r.put("seed", o.seed());
        request.lora()
                .ifPresent(lora -> {
                    r.put(LORA_RANK, lora.rank());
                    r.put(LORA_ALPHA, lora.alpha());
                    r.put(LORA_TARGET, lora.target().word());
                });
        // Absent where they change nothing: recipes of earlier versions keep their bytes.
        if (request.loss().minSnr() > 0) {
            r.put(MIN_SNR, request.loss().minSnr());
        }
        if (request.loss().offsetNoise() > 0) {
            r.put(OFFSET_NOISE, request.loss().offsetNoise());
        }
        return r;
    }
}
