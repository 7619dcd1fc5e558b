package org.diffusionsoup.core;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.JsonValue.JsonArray;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.JsonValue.JsonString;
import org.jspecify.annotations.Nullable;

/**
 * The exact sum of a soup's ingredients, kept in a folder beside it ({@code SOUP.sum}): what adding
 * or withdrawing one ingredient needs instead of all the others. {@code sum.json} names the
 * ingredients; per part one file holds sum_i a_i w_i in {@link FloatFormat#SUM_FIXED} or {@link
 * FloatFormat#SUM_DOUBLE}, and one the elements that do not fit.
 *
 * @param folder where it is
 * @param members who is in the sum
 * @param options what else decided the soup's bytes, as in its recipe
 */
record KeptSum(Path folder, List<Member> members, SortedMap<String, String> options) {
    private static final String INDEX = "sum.json";

    /**
     * An ingredient in the sum.
     *
     * @param a its integer coefficient
     * @param hashes SHA-256 per part
     * @param metadata its header's entries per part
     * @param path where it was read from; empty where only the sum tells of it
     */
    record Member(
            String name,
            BigInteger a,
            SortedMap<String, String> hashes,
            Map<String, Map<String, String>> metadata,
            Optional<Path> path) {
        /** An order that does not depend on the caller's. */
        static final Comparator<Member> ORDER = Member::compare;

        static Member of(Ingredient i, BigInteger a) {
            Map<String, Map<String, String>> metadata = new TreeMap<>();
            i.checkpoint()
                    .parts()
                    .forEach((part, source) ->
                            metadata.put(part, Provenance.withoutProvenance(source.metadata())));
            return new Member(
                    i.what().name(), a, i.hashes(), metadata, Optional.of(i.checkpoint().path()));
        }

        private static int compare(Member one, Member other) {
            int hashes = one.hashes.toString().compareTo(other.hashes.toString());
            if (hashes != 0) {
                return hashes;
            }
            int coefficients = one.a.compareTo(other.a);
            return coefficients != 0 ? coefficients : one.name.compareTo(other.name);
        }

        /** The same with another coefficient. */
        Member withA(BigInteger other) {
            return new Member(name, other, hashes, metadata, path);
        }
    }

    /** The folder that belongs to a soup. */
    static Path folderOf(Path soup) {
        return soup.resolveSibling(soup.getFileName() + ".sum");
    }

    /** Whether a folder is a kept sum and nothing else. */
    static boolean isOne(Path folder) {
        String[] inside = folder.toFile().list();
        return inside != null
                && Files.isRegularFile(folder.resolve(INDEX))
                && Stream.of(inside).allMatch(f -> f.equals(INDEX) || f.endsWith(".safetensors"));
    }

    /** What is shown while a part's sum is written: each has bytes of its own to count. */
    static String progressOf(String part) {
        return part.isEmpty() ? "keeping the sum" : "keeping the sum of " + part;
    }

    static String sums(String part) {
        return (part.isEmpty() ? "weights" : part) + ".safetensors";
    }

    static String exceptions(String part) {
        return (part.isEmpty() ? "weights" : part) + ".exceptions.safetensors";
    }

    /** Writes {@code sum.json} into a folder. */
    void writeIndex(Path into) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
            g.writeStartObject();
            strings(g, "options", options);
            g.writeArrayFieldStart("ingredients");
            for (Member m : members) {
                g.writeStartObject();
                g.writeStringField("name", m.name());
                g.writeStringField("weight", m.a().toString());
                strings(g, "sha256", m.hashes());
                g.writeObjectFieldStart("metadata");
                for (var part : m.metadata().entrySet()) {
                    strings(g, part.getKey(), part.getValue());
                }
                g.writeEndObject();
                g.writeEndObject();
            }
            g.writeEndArray();
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write " + INDEX + ".", e);
        }
        AtomicFiles.write(into.resolve(INDEX), (text + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static void strings(JsonGenerator g, String field, Map<String, String> map)
            throws IOException {
        g.writeObjectFieldStart(field);
        for (var e : new TreeMap<>(map).entrySet()) {
            g.writeStringField(e.getKey(), e.getValue());
        }
        g.writeEndObject();
    }

    /**
     * Reads the sum kept beside a soup.
     *
     * @throws SoupException if there is none
     * @throws MalformedCheckpointException if its {@code sum.json} is not one
     */
    static KeptSum open(Path soup) {
        Path folder = folderOf(soup);
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new SoupException(
                    "No sum is kept beside "
                            + soup
                            + " ("
                            + folder
                            + " is missing); average the ingredients again with --keep-sum, or use"
                            + " --approximate.");
        }
        JsonObject o = JsonValue.readObject(index);
        if (!(o.fields().get("ingredients") instanceof JsonArray(List<JsonValue> items))) {
            throw new MalformedCheckpointException(index, "ingredients", "a list", "none");
        }
        List<Member> members = new ArrayList<>();
        for (JsonValue item : items) {
            if (!(item instanceof JsonObject m)
                    || !m.string("weight").orElse("").matches("[1-9][0-9]{0,18}")) {
                throw new MalformedCheckpointException(
                        index, "ingredients", "objects with a weight", "something else");
            }
            Map<String, Map<String, String>> metadata = new LinkedHashMap<>();
            if (m.fields().get("metadata") instanceof JsonObject parts) {
                parts.fields().forEach((part, map) -> metadata.put(part, strings(map)));
            }
            members.add(
                    new Member(
                            m.string("name").orElse(""),
                            new BigInteger(m.string("weight").orElse("1")),
                            strings(m.fields().get("sha256")),
                            metadata,
                            Optional.empty()));
        }
        return new KeptSum(folder, members, strings(o.fields().get("options")));
    }

    private static SortedMap<String, String> strings(@Nullable JsonValue value) {
        TreeMap<String, String> map = new TreeMap<>();
        if (value instanceof JsonObject o) {
            o.fields()
                    .forEach((k, v) -> {
                        if (v instanceof JsonString(String s)) {
                            map.put(k, s);
                        }
                    });
        }
        return map;
    }
}
