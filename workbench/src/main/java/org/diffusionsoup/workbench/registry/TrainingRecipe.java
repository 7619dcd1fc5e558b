package org.diffusionsoup.workbench.registry;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.train.DenoisingLoss;
import org.diffusionsoup.diffusion.train.LowRankOptions;
import org.diffusionsoup.diffusion.train.TrainingOptions;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.workbench.train.FineTuneRecipe;
import org.diffusionsoup.workbench.train.FineTuneRequest;

/** An ingredient's training recipe: out of its header into the ledger, and back into a run. */
public final class TrainingRecipe {
    private TrainingRecipe() {}

    /**
     * The recipe that {@code soup train} left in the header of what it trains, the denoiser (or a
     * checkpoint's only part), its fractions as texts; empty for weights trained elsewhere. Text
     * encoder and autoencoder are the base's and may carry recipes of how that was made.
     */
    public static JsonObject ofWeights(Path weights) {
        try (Checkpoint c = Checkpoint.open(weights)) {
            TensorSource trained =
                    c.parts().size() == 1
                            ? c.parts().values().iterator().next()
                            : c.parts().get("unet");
            if (trained == null) {
                return Json.object().build();
            }
            return Provenance.readFrom(trained.metadata())
                    .map(p -> (JsonObject) exact(Json.parse(p.recipe(), "recipe in " + weights)))
                    .orElseGet(() -> Json.object().build());
        }
    }

    private static JsonValue exact(JsonValue v) {
        return switch (v) {
            case JsonObject o -> {
                Json.Builder b = Json.object();
                o.fields().forEach((k, x) -> b.put(k, exact(x)));
                yield b.build();
            }
            case JsonArray(List<JsonValue> items) ->
                    new JsonArray(items.stream().map(TrainingRecipe::exact).toList());
            case JsonNumber(BigDecimal n) ->
                    n.stripTrailingZeros().scale() > 0
                            ? new JsonString(Double.toString(n.doubleValue()))
                            : v;
            default -> v;
        };
    }

    /**
     * The run that a recipe asks for; for a model that was kept on the way, the same run up to
     * there.
     *
     * @throws SoupException if the recipe is not one of {@code soup train}
     */
    public static FineTuneRequest request(
            JsonObject recipe, Path base, List<String> shards, Path out) {
        if (!recipe.string("method").orElse("").equals("fine-tune")
                || recipe.get("learning_rate").isEmpty()) {
            throw new SoupException(
                    "The ingredient's recipe is not one of 'soup train', so it cannot be trained"
                            + " again here; its fields are "
                            + recipe.fields().keySet()
                            + ". If 'soup train' made it, its weights say how: 'soup registry correct"
                            + " INGREDIENT' records that, and a certificate issued after that ('soup"
                            + " certificate') has it.");
        }
        String[] betas = Json.string(recipe, "betas").split(",", -1);
        TrainingOptions options =
                new TrainingOptions(
                        Json.number(recipe, "steps"),
                        (int) Json.number(recipe, "batch"),
                        (int) Json.number(recipe, "accumulation"),
                        real(recipe, "learning_rate"),
                        TrainingOptions.Schedule.valueOf(
                                Json.string(recipe, "schedule").toUpperCase(Locale.ROOT)),
                        Json.number(recipe, "warmup"),
                        real(recipe, "weight_decay"),
                        Double.parseDouble(betas[0]),
                        Double.parseDouble(betas[1]),
                        real(recipe, "eps"),
                        real(recipe, "clip_norm"),
                        real(recipe, "ema"),
                        Json.number(recipe, "seed"),
                        Json.flag(recipe, "bfloat16"));
        FineTuneRequest whole =
                new FineTuneRequest(
                                base,
                                shards,
                                out,
                                options,
                                real(recipe, "caption_dropout"),
                                FineTuneRequest.CHECKPOINT_EVERY,
                                false)
                        .training(lora(recipe))
                        .minimising(
                                new DenoisingLoss(
                                        realOr0(recipe, FineTuneRecipe.MIN_SNR),
                                        realOr0(recipe, FineTuneRecipe.OFFSET_NOISE)));
        return recipe.get(FineTuneRequest.KEPT_STEP).isEmpty()
                ? whole
                : whole.stoppedAfter(Json.number(recipe, FineTuneRequest.KEPT_STEP));
    }

    private static Optional<LowRankOptions> lora(JsonObject recipe) {
        return recipe.get(FineTuneRecipe.LORA_RANK).isEmpty()
                ? Optional.empty()
                : Optional.of(
                        new LowRankOptions(
                                (int) Json.number(recipe, FineTuneRecipe.LORA_RANK),
                                real(recipe, FineTuneRecipe.LORA_ALPHA),
                                LowRankOptions.Target.valueOf(
                                        Json.string(recipe, FineTuneRecipe.LORA_TARGET)
                                                .toUpperCase(Locale.ROOT))));
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
