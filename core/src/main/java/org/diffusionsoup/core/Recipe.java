package org.diffusionsoup.core;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The recipe that a soup carries in its header: method, and per ingredient its name, the SHA-256 of
 * its file and its normalised coefficient as a fraction.
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record Recipe(List<Ingredient> ingredients, long[] a) {

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

    /** Header metadata of one output file: what all inputs agree on, and the provenance. */
    Map<String, String> metadata(String file) {
        Map<String, String> common = new TreeMap<>(ingredients.getFirst().header(file).metadata());
        for (Ingredient i : ingredients) {
            common.entrySet().retainAll(i.header(file).metadata().entrySet());
        }
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        return Provenance.of(json(file)).writeTo(common);
    }

    private String json(String file) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField("method", "weighted average");
            if (!file.isEmpty()) {
                g.writeStringField("file", file);
            }
            g.writeArrayFieldStart("ingredients");
            for (int i = 0; i < a.length; i++) {
                Ingredient in = ingredients.get(i);
                g.writeStartObject();
                g.writeStringField("name", in.what().name());
                g.writeStringField("sha256", in.hashes().getOrDefault(file, ""));
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
