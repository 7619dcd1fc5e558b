package org.diffusionsoup.workbench.registry;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.registry.ledger.Json;

/** An ingredient's training recipe: out of its header into the ledger. */
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
                    .map(p -> (JsonObject) exact(p.recipe().parse(weights).fields()))
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
}
