package org.diffusionsoup.core;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The recipe that a soup carries in its header: method, and per ingredient its name, the SHA-256 of
 * its file and its normalised coefficient as a fraction.
 *
 * @param like whose layout the soup has
 * @param options what else decides the bytes, such as the output's dtype, by name
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record Recipe(
        Checkpoint like,
        List<Ingredient> ingredients,
        long[] a,
        SortedMap<String, String> options) {

    Coefficient coefficient(int i) {
        long total = 0;
        for (long x : a) {
            total += x;
        }
        return new Coefficient(BigInteger.valueOf(a[i]), BigInteger.valueOf(total));
    }

    List<SoupIngredient> normalised() {
        List<SoupIngredient> list = new ArrayList<>();
        for (int i = 0; i < a.length; i++) {
            SoupIngredient w = ingredients.get(i).what();
            list.add(new SoupIngredient(w.name(), w.path(), coefficient(i)));
        }
        return list;
    }

    /** Header metadata of one part: what all inputs agree on, and the provenance. */
    Map<String, String> metadata(String part) {
        Map<String, String> common = null;
        for (Ingredient i : ingredients) {
            TensorSource source = i.checkpoint().parts().get(part);
            if (source == null) {
                continue;
            }
            if (common == null) {
                common = new TreeMap<>(source.metadata());
            } else {
                common.entrySet().retainAll(source.metadata().entrySet());
            }
        }
        if (common == null) {
            common = new TreeMap<>();
        }
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        return Provenance.of(json(part)).writeTo(common);
    }

    private String json(String part) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField("method", "weighted average");
            if (!part.isEmpty()) {
                g.writeStringField("file", CheckpointWriter.fileOf(like, part));
            }
            for (var e : options.entrySet()) {
                g.writeStringField(e.getKey(), e.getValue());
            }
            g.writeArrayFieldStart("ingredients");
            for (int i = 0; i < a.length; i++) {
                Ingredient in = ingredients.get(i);
                g.writeStartObject();
                g.writeStringField("name", in.what().name());
                g.writeStringField("sha256", in.hashes().getOrDefault(part, ""));
                g.writeStringField("coefficient", coefficient(i).toString());
                g.writeEndObject();
            }
            g.writeEndArray();
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the recipe.", e);
        }
        return text.toString();
    }
}
