package org.diffusionsoup.core.lora;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.TensorSource;

/** What headers say of how a LoRA, or a model with LoRAs in it, was made. */
final class LoraRecipes {
    private LoraRecipes() {}

    private interface Fields {
        void write(JsonGenerator g) throws IOException;
    }

    private static String json(String method, Fields fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField("method", method);
            fields.write(g);
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the recipe.", e);
        }
        return text.toString();
    }

    static String fuse(Checkpoint base, String component, List<LoraFusion.Term> terms) {
        return json(
                "lora fuse",
                g -> {
                    g.writeStringField("base", name(base.path()));
                    TensorSource part = base.part(component);
                    g.writeStringField("base_sha256", Hashes.ofFiles(part.files(), Hashes::sha256));
                    loras(g, terms, "strength", 1);
                });
    }

    static String mean(List<LoraFusion.Term> terms, double total, OptionalInt rank) {
        return json(
                "lora merge",
                g -> {
                    if (rank.isPresent()) {
                        g.writeNumberField("rank", rank.getAsInt());
                    }
                    loras(g, terms, "weight", total);
                });
    }

    static String resize(Lora lora, int rank) {
        return json(
                "lora resize",
                g -> {
                    g.writeNumberField("rank", rank);
                    loras(g, List.of(new LoraFusion.Term(lora, 1)), "strength", 1);
                });
    }

    static String difference(Checkpoint base, Checkpoint tuned, int rank, boolean vectors) {
        return json(
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
        g.writeStringField("name", name(model.path()));
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
            g.writeStringField("name", name(t.lora().path()));
            g.writeStringField("sha256", Hashes.sha256(t.lora().path()));
            g.writeNumberField(number, t.strength() / over);
            g.writeEndObject();
        }
        g.writeEndArray();
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }
}
