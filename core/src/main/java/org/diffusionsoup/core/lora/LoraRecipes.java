package org.diffusionsoup.core.lora;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.TensorSource;

/** What headers say of how a LoRA, or a model with LoRAs in it, was made. */
final class LoraRecipes {
    private LoraRecipes() {}

    static SoupRecipe fuse(Checkpoint base, String component, List<LoraFusion.Term> terms) {
        return SoupRecipe.write(
                "lora fuse",
                g -> {
                    g.writeStringField("base", name(base.path()));
                    TensorSource part = base.part(component);
                    g.writeStringField("base_sha256", Hashes.ofFiles(part.files(), Hashes::sha256));
                    loras(g, terms, "strength", 1);
                });
    }

    static SoupRecipe mean(List<LoraFusion.Term> terms, double total, OptionalInt rank) {
        return SoupRecipe.write(
                "lora merge",
                g -> {
                    if (rank.isPresent()) {
                        g.writeNumberField("rank", rank.getAsInt());
                    }
                    loras(g, terms, "weight", total);
                });
    }

    static SoupRecipe resize(Lora lora, int rank) {
        return SoupRecipe.write(
                "lora resize",
                g -> {
                    g.writeNumberField("rank", rank);
                    loras(g, List.of(new LoraFusion.Term(lora, 1)), "strength", 1);
                });
    }

    static SoupRecipe difference(Checkpoint base, Checkpoint tuned, int rank, boolean vectors) {
        return SoupRecipe.write(
                "lora extract",
                g -> {
                    g.writeNumberField("rank", rank);
                    g.writeBooleanField("vectors", vectors);
                    model(g, "base", base);
                    model(g, "tuned", tuned);
                });
    }

    private static void model(JsonGenerator g, String field, Checkpoint model) throws IOException {
        g.writeObjectFieldStart(field);
        g.writeStringField(SoupRecipe.NAME, name(model.path()));
        for (var p : model.parts().entrySet()) {
            g.writeStringField(
                    p.getKey().isEmpty() ? "weights_sha256" : p.getKey() + "_weights_sha256",
                    WeightsHash.of(p.getValue()));
        }
        g.writeEndObject();
    }

    private static void loras(
            JsonGenerator g, List<LoraFusion.Term> terms, String number, double over)
            throws IOException {
        g.writeArrayFieldStart("loras");
        for (LoraFusion.Term t : terms) {
            g.writeStartObject();
            g.writeStringField(SoupRecipe.NAME, name(t.lora().path()));
            g.writeStringField(SoupRecipe.SHA256, Hashes.sha256(t.lora().path()));
            g.writeNumberField(number, t.strength() / over);
            g.writeEndObject();
        }
        g.writeEndArray();
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }
}
