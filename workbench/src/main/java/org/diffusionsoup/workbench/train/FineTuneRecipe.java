package org.diffusionsoup.workbench.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.nn.JsonConfig;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.registry.ledger.Json;

/** What a header says of how an ingredient was trained, and the run that it asks for. */
public final class FineTuneRecipe {
    /** Key of the rank of low-rank factors; absent where the UNet's weights were trained. */
    private static final String LORA_RANK = "lora_rank";

    /** Key of their alpha. */
    private static final String LORA_ALPHA = "lora_alpha";

    /** Key of the weights that have factors. */
    private static final String LORA_TARGET = "lora_target";

    /** Key of γ of min-SNR weighting; absent where every timestep weighs the same. */
    private static final String MIN_SNR = "min_snr_gamma";

    /** Key of the strength of offset noise; absent where there is none. */
    private static final String OFFSET_NOISE = "offset_noise";

    /** Keys of the aspect-ratio buckets' rule, in pixels; absent where there are none. */
    private static final String BUCKET_RESOLUTION = "bucket_resolution";

    private static final String BUCKET_STEP = "bucket_step";
    private static final String BUCKET_LEAST = "bucket_least";
    private static final String BUCKET_MOST = "bucket_most";

    private static final String STEPS = "steps";
    private static final String BATCH = "batch";
    private static final String ACCUMULATION = "accumulation";
    private static final String LEARNING_RATE = "learning_rate";
    private static final String SCHEDULE = "schedule";
    private static final String WARMUP = "warmup";
    private static final String WEIGHT_DECAY = "weight_decay";
    private static final String BETAS = "betas";
    private static final String EPS = "eps";
    private static final String CLIP_NORM = "clip_norm";
    private static final String EMA = "ema";
    private static final String CAPTION_DROPOUT = "caption_dropout";
    private static final String BFLOAT16 = "bfloat16";
    private static final String SEED = "seed";

    private final ObjectNode json;

    private FineTuneRecipe(ObjectNode json) {
        this.json = json;
    }

    /** What the ingredient is made of, with hashes instead of paths. */
    static FineTuneRecipe of(FineTuneRequest request, StableDiffusion base, List<Shard> shards) {
        return of(request, base.folder(), base.second().isPresent(), shards);
    }

    /**
     * The same without the base in memory.
     *
     * @param second whether the base has a second text encoder, as SDXL has
     */
    static FineTuneRecipe of(
            FineTuneRequest request, Path base, boolean second, List<Shard> shards) {
        TrainingOptions o = request.options();
        ObjectNode r = JsonConfig.object();
        r.put(SoupRecipe.METHOD, SoupRecipe.FINE_TUNE);
        r.put("base_unet_sha256", WeightsHash.of(IngredientFiles.unet(base)));
        // Latents and text embeddings come from these, so another pair is another run.
        r.put("base_vae_sha256", WeightsHash.of(IngredientFiles.component(base, "vae")));
        r.put(
                "base_text_encoder_sha256",
                WeightsHash.of(
                        base.resolve("text_encoder")
                                .resolve(StableDiffusion.TRANSFORMERS_WEIGHTS)));
        if (second) {
            r.put(
                    "base_text_encoder_2_sha256",
                    WeightsHash.of(
                            base.resolve("text_encoder_2")
                                    .resolve(StableDiffusion.TRANSFORMERS_WEIGHTS)));
        }
        var list = r.putArray("shards");
        for (Shard s : shards) {
            list.addObject().put("name", s.name()).put("rows", s.size()).put("sha256", s.sha256());
        }
        r.put(STEPS, o.steps());
        r.put(BATCH, o.batch());
        r.put(ACCUMULATION, o.accumulation());
        r.put(LEARNING_RATE, o.learningRate());
        r.put(SCHEDULE, o.schedule().name().toLowerCase(Locale.ROOT));
        r.put(WARMUP, o.warmup());
        r.put(WEIGHT_DECAY, o.weightDecay());
        r.put(BETAS, o.beta1() + "," + o.beta2());
        r.put(EPS, o.eps());
        r.put(CLIP_NORM, o.clipNorm());
        r.put(EMA, o.emaDecay());
        r.put(CAPTION_DROPOUT, request.captionDropout());
        r.put(BFLOAT16, o.bfloat16());
        r.put(SEED, o.seed());
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
        request.buckets()
                .ifPresent(b -> {
                    r.put(BUCKET_RESOLUTION, b.resolution());
                    r.put(BUCKET_STEP, b.step());
                    r.put(BUCKET_LEAST, b.least());
                    r.put(BUCKET_MOST, b.most());
                });
        return new FineTuneRecipe(r);
    }

    /** That of the whole run. */
    SoupRecipe whole() {
        return new SoupRecipe(json.toString());
    }

    /** That of the model which was kept after so many steps of the run. */
    SoupRecipe keptAt(long step) {
        return new SoupRecipe(json.deepCopy().put(FineTuneRequest.KEPT_STEP, step).toString());
    }

    /**
     * The run that a recipe asks for; for a model that was kept on the way, the same run up to
     * there.
     *
     * @throws SoupException if the recipe is not one of {@code soup train}
     */
    public static FineTuneRequest request(
            JsonObject recipe, Path base, List<String> shards, Path out) {
        if (!recipe.string(SoupRecipe.METHOD).orElse("").equals(SoupRecipe.FINE_TUNE)
                || recipe.get(LEARNING_RATE).isEmpty()) {
            throw new SoupException(
                    "The ingredient's recipe is not one of 'soup train', so it cannot be trained"
                            + " again here; its fields are "
                            + recipe.fields().keySet()
                            + ". If 'soup train' made it, its weights say how: 'soup registry correct"
                            + " INGREDIENT' records that, and a certificate issued after that ('soup"
                            + " certificate') has it.");
        }
        String[] betas = Json.string(recipe, BETAS).split(",", -1);
        TrainingOptions options =
                new TrainingOptions(
                        Json.number(recipe, STEPS),
                        (int) Json.number(recipe, BATCH),
                        (int) Json.number(recipe, ACCUMULATION),
                        real(recipe, LEARNING_RATE),
                        TrainingOptions.Schedule.valueOf(
                                Json.string(recipe, SCHEDULE).toUpperCase(Locale.ROOT)),
                        Json.number(recipe, WARMUP),
                        real(recipe, WEIGHT_DECAY),
                        Double.parseDouble(betas[0]),
                        Double.parseDouble(betas[1]),
                        real(recipe, EPS),
                        real(recipe, CLIP_NORM),
                        real(recipe, EMA),
                        Json.number(recipe, SEED),
                        Json.flag(recipe, BFLOAT16));
        FineTuneRequest whole =
                new FineTuneRequest(
                                base,
                                shards,
                                out,
                                options,
                                real(recipe, CAPTION_DROPOUT),
                                FineTuneRequest.CHECKPOINT_EVERY,
                                false)
                        .training(lora(recipe))
                        .inBuckets(buckets(recipe))
                        .minimising(
                                new DenoisingLoss(
                                        realOr0(recipe, MIN_SNR), realOr0(recipe, OFFSET_NOISE)));
        return recipe.get(FineTuneRequest.KEPT_STEP).isEmpty()
                ? whole
                : whole.stoppedAfter(Json.number(recipe, FineTuneRequest.KEPT_STEP));
    }

    private static Optional<LowRankOptions> lora(JsonObject recipe) {
        return recipe.get(LORA_RANK).isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new LowRankOptions(
                                (int) Json.number(recipe, LORA_RANK),
                                real(recipe, LORA_ALPHA),
                                LowRankOptions.Target.valueOf(
                                        Json.string(recipe, LORA_TARGET)
                                                .toUpperCase(Locale.ROOT))));
    }

    private static Optional<BucketRule> buckets(JsonObject recipe) {
        return recipe.get(BUCKET_RESOLUTION).isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new BucketRule(
                                (int) Json.number(recipe, BUCKET_RESOLUTION),
                                (int) Json.number(recipe, BUCKET_STEP),
                                (int) Json.number(recipe, BUCKET_LEAST),
                                (int) Json.number(recipe, BUCKET_MOST)));
    }

    private static double realOr0(JsonObject o, String key) {
        return o.get(key).isEmpty() ? 0 : real(o, key);
    }

    private static double real(JsonObject o, String key) {
        return switch (o.fields().get(key)) {
            case JsonNumber(BigDecimal n) -> n.doubleValue();
            case JsonString(String s) -> Double.parseDouble(s);
            case null, default ->
                    throw new SoupException("The ingredient's recipe has no number '" + key + "'.");
        };
    }
}
