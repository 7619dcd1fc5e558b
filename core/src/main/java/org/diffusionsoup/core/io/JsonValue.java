package org.diffusionsoup.core.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/** A JSON text as a value: enough to read and compare the configuration files of models. */
public sealed interface JsonValue {
    /** An object; fields in their order in the text, unmodifiable. */
    record JsonObject(SequencedMap<String, JsonValue> fields) implements JsonValue {
        public JsonObject {
            fields = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(fields));
        }

        /** A field, empty if it is absent or JSON's null. */
        public Optional<JsonValue> get(String key) {
            return Optional.ofNullable(fields.get(key)).filter(v -> !(v instanceof JsonNull));
        }

        /** A field's text, empty if it is absent or no string. */
        public Optional<String> string(String key) {
            return get(key).map(v -> v instanceof JsonString(String s) ? s : null);
        }

        /** Indented, with a final line break; {@link JsonValue#readObject} reads it again. */
        public String text() {
            StringWriter text = new StringWriter();
            try (JsonGenerator g = Reader.FACTORY.createGenerator(text).useDefaultPrettyPrinter()) {
                Writer.write(g, this);
            } catch (IOException e) {
                throw new SoupException("Cannot write JSON.", e);
            }
            return text + "\n";
        }
    }

    /** An array; unmodifiable. */
    record JsonArray(List<JsonValue> items) implements JsonValue {
        public JsonArray {
            items = List.copyOf(items);
        }
    }

    /** A string. */
    record JsonString(String value) implements JsonValue {}

    /** A number, exactly as written. */
    record JsonNumber(BigDecimal value) implements JsonValue {}

    /** True or false. */
    record JsonBool(boolean value) implements JsonValue {}

    /** The literal null. */
    record JsonNull() implements JsonValue {}

    /**
     * Reads a JSON file that holds one object.
     *
     * @throws SoupException if it is not JSON, or no object, or repeats a key, or over 32 MiB
     * @throws SoupIoException if it cannot be read
     */
    static JsonObject readObject(Path file) {
        byte[] bytes;
        try {
            Pipes.refuse(file);
            long size = Files.size(file);
            if (size > Reader.MAX_BYTES) {
                throw new SoupException(
                        file
                                + " is too large for a JSON file: "
                                + size
                                + " bytes, where at most "
                                + Reader.MAX_BYTES
                                + " are read.");
            }
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        return readObject(bytes, file.toString());
    }

    /**
     * Reads a JSON text that is one object.
     *
     * @param what the text's name in messages
     * @throws SoupException if it is not JSON, or no object, or repeats a key, or over 32 MiB
     */
    static JsonObject readObject(byte[] bytes, String what) {
        try (JsonParser p = Reader.FACTORY.createParser(bytes)) {
            JsonValue v = Reader.value(p, p.nextToken());
            if (v instanceof JsonObject o && p.nextToken() == null) {
                return o;
            }
            throw new SoupException(what + " must hold one JSON object.");
        } catch (IOException e) {
            String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new SoupException(what + " is not valid JSON: " + reason + ".", e);
        }
    }

    /** The recursive writer. */
    final class Writer {
        private Writer() {}

        private static void write(JsonGenerator g, JsonValue value) throws IOException {
            switch (value) {
                case JsonObject o -> {
                    g.writeStartObject();
                    for (var field : o.fields().entrySet()) {
                        g.writeFieldName(field.getKey());
                        write(g, field.getValue());
                    }
                    g.writeEndObject();
                }
                case JsonArray(List<JsonValue> items) -> {
                    g.writeStartArray();
                    for (JsonValue item : items) {
                        write(g, item);
                    }
                    g.writeEndArray();
                }
                case JsonString(String s) -> g.writeString(s);
                case JsonNumber(BigDecimal n) -> g.writeNumber(n);
                case JsonBool(boolean b) -> g.writeBoolean(b);
                case JsonNull() -> g.writeNull();
            }
        }
    }

    /** The recursive reader; depth is bounded by the factory's constraints. */
    final class Reader {
        /** Far above any configuration or index; the value takes several times the text. */
        private static final long MAX_BYTES = 32L << 20;

        private static final JsonFactory FACTORY =
                JsonFactory.builder()
                        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                        .streamReadConstraints(
                                StreamReadConstraints.builder().maxNestingDepth(200).build())
                        .build();

        private Reader() {}

        private static BigDecimal number(JsonParser p) throws IOException {
            try {
                return p.getDecimalValue();
            } catch (NumberFormatException e) {
                // Exponents of more digits than a BigDecimal's scale has.
                throw new IOException("a number of an impossible size", e);
            }
        }

        private static JsonValue value(JsonParser p, @Nullable JsonToken token) throws IOException {
            return switch (token) {
                case null -> throw new IOException("the text is empty");
                case START_OBJECT -> {
                    SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
                    while (p.nextToken() == JsonToken.FIELD_NAME) {
                        String key = p.currentName();
                        fields.put(key, value(p, p.nextToken()));
                    }
                    yield new JsonObject(fields);
                }
                case START_ARRAY -> {
                    List<JsonValue> items = new ArrayList<>();
                    for (JsonToken t = p.nextToken(); t != JsonToken.END_ARRAY; t = p.nextToken()) {
                        items.add(value(p, t));
                    }
                    yield new JsonArray(items);
                }
                case VALUE_STRING -> new JsonString(p.getText());
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new JsonNumber(number(p));
                case VALUE_TRUE -> new JsonBool(true);
                case VALUE_FALSE -> new JsonBool(false);
                case VALUE_NULL -> new JsonNull();
                case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                        throw new IOException("unexpected " + token);
            };
        }
    }
}
