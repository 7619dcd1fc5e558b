package org.diffusionsoup.core.convert;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What a converted model says of its making: that it was converted, and as {@code of} what its
 * origin said, by the origin's components (the empty name for a single file).
 */
final class ConvertedRecipe {
    private static final String METHOD = "conversion";

    private ConvertedRecipe() {}

    /**
     * The recipe of a conversion.
     *
     * @param to {@code diffusers} or {@code single}
     * @param parts of the origin, by name
     * @return empty where the origin says nothing
     */
    static Optional<Provenance> of(String to, Map<String, ? extends TensorSource> parts) {
        SortedMap<String, Provenance> known = new TreeMap<>();
        parts.forEach((name, source) ->
                Provenance.readFrom(source.metadata()).ifPresent(p -> known.put(name, p)));
        if (known.isEmpty()) {
            return Optional.empty();
        }
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField("method", METHOD);
            g.writeStringField("to", to);
            g.writeObjectFieldStart("of");
            for (var origin : known.entrySet()) {
                g.writeObjectFieldStart(origin.getKey());
                Provenance p = origin.getValue();
                g.writeStringField("version", p.version());
                for (var more : p.more().entrySet()) {
                    g.writeStringField(more.getKey(), more.getValue());
                }
                g.writeFieldName("recipe");
                if (isJson(p.recipe())) {
                    g.writeRawValue(p.recipe());
                } else {
                    g.writeString(p.recipe());
                }
                g.writeEndObject();
            }
            g.writeEndObject();
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the recipe of a conversion.", e);
        }
        return Optional.of(Provenance.of(text.toString()));
    }

    private static boolean isJson(String recipe) {
        try {
            JsonValue.readObject(recipe.getBytes(StandardCharsets.UTF_8), "a recipe");
            return true;
        } catch (SoupException e) {
            return false;
        }
    }
}
