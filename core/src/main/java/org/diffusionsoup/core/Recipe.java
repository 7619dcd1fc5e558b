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
import org.diffusionsoup.core.KeptSum.Member;

/**
 * The recipe that a soup carries in its header: method, and per ingredient its name, the SHA-256 of
 * its file and its normalised coefficient as a fraction.
 *
 * @param method how the ingredients became the soup
 * @param like whose layout the soup has
 * @param members the ingredients, in {@link Member#ORDER}
 * @param options what else decides the bytes, such as the output's dtype, by name
 */
record Recipe(
        String method, Checkpoint like, List<Member> members, SortedMap<String, String> options) {
    /** The plain soup. */
    static final String AVERAGE = "weighted average";

    /** With coefficients in lowest terms, in an order of their own. */
    static Recipe average(
            Checkpoint like, List<Member> members, SortedMap<String, String> options) {
        BigInteger gcd = members.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::gcd);
        return new Recipe(
                AVERAGE,
                like,
                members.stream()
                        .map(m -> new Member(m.name(), m.a().divide(gcd), m.hashes(), m.metadata()))
                        .sorted(Member.ORDER)
                        .toList(),
                options);
    }

    Coefficient coefficient(int i) {
        BigInteger total = members.stream().map(Member::a).reduce(BigInteger.ZERO, BigInteger::add);
        return new Coefficient(members.get(i).a(), total);
    }

    /** Header metadata of one part: what all inputs agree on, and the provenance. */
    Map<String, String> metadata(String part) {
        List<Map<String, String>> all = new ArrayList<>();
        for (Member m : members) {
            if (m.metadata().containsKey(part)) {
                all.add(m.metadata().getOrDefault(part, Map.of()));
            }
        }
        Map<String, String> common = new TreeMap<>(all.isEmpty() ? Map.of() : all.getFirst());
        all.forEach(own -> common.entrySet().retainAll(own.entrySet()));
        // The libraries that load pipelines refuse files that do not say for which framework.
        common.putIfAbsent("format", "pt");
        return Provenance.of(json(part)).writeTo(common);
    }

    String json(String part) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField("method", method);
            if (!part.isEmpty()) {
                g.writeStringField("file", CheckpointWriter.fileOf(like, part));
            }
            for (var e : options.entrySet()) {
                g.writeStringField(e.getKey(), e.getValue());
            }
            g.writeArrayFieldStart("ingredients");
            for (int i = 0; i < members.size(); i++) {
                Member in = members.get(i);
                g.writeStartObject();
                g.writeStringField("name", in.name());
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
