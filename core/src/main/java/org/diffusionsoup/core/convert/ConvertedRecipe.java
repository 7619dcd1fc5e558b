package org.diffusionsoup.core.convert;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What a converted model says of its making: that it was converted, and as {@code of} what its
 * origin said, by the origin's components (the empty name for a single file).
 */
final class ConvertedRecipe {
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
        return Optional.of(
                Provenance.of(
                        SoupRecipe.write(
                                SoupRecipe.CONVERSION,
                                g -> {
                                    g.writeStringField(SoupRecipe.TO, to);
                                    g.writeObjectFieldStart(SoupRecipe.OF);
                                    for (var origin : known.entrySet()) {
                                        g.writeFieldName(origin.getKey());
                                        write(origin.getValue(), g);
                                    }
                                    g.writeEndObject();
                                })));
    }

    private static void write(Provenance p, JsonGenerator g) throws IOException {
        g.writeStartObject();
        g.writeStringField("version", p.version());
        for (var more : p.more().entrySet()) {
            g.writeStringField(more.getKey(), more.getValue());
        }
        g.writeFieldName("recipe");
        if (p.recipe().isJson()) {
            g.writeRawValue(p.recipe().text());
        } else {
            g.writeString(p.recipe().text());
        }
        g.writeEndObject();
    }
}
