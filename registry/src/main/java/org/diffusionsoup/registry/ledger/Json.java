package org.diffusionsoup.registry.ledger;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.diffusionsoup.core.Visible;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonNull;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * JSON in its one canonical form, which is what is hashed and signed: that of RFC 8785 (keys sorted
 * by UTF-16 code units, no white space, strings escaped only where JSON demands it, in UTF-8), so
 * that anybody's library can check it.
 *
 * <p>It differs in three things. Numbers are only whole (anything else is a string, so that no two
 * readers can round it differently). Those beyond 2<sup>53</sup> stand exactly, where RFC 8785
 * would round them. And the hexadecimal digits of control characters' escapes, as in {@code
 * \\u001F}, are upper case, as in all that ledgers have signed so far.
 */
public final class Json {
    private Json() {}

    /** An object under construction; its keys come out sorted. */
    public static final class Builder {
        private final TreeMap<String, JsonValue> fields = new TreeMap<>();

        private Builder() {}

        /** Adds a string. */
        public Builder put(String key, String value) {
            return put(key, new JsonString(value));
        }

        /** Adds a whole number. */
        public Builder put(String key, long value) {
            return put(key, new JsonNumber(BigDecimal.valueOf(value)));
        }

        /** Adds true or false. */
        public Builder put(String key, boolean value) {
            return put(key, new JsonBool(value));
        }

        /** Adds any value. */
        public Builder put(String key, JsonValue value) {
            fields.put(key, value);
            return this;
        }

        /** Adds an array of strings. */
        public Builder strings(String key, Iterable<String> values) {
            List<JsonValue> items = new ArrayList<>();
            values.forEach(v -> items.add(new JsonString(v)));
            return put(key, new JsonArray(items));
        }

        /** Adds an array of whole numbers. */
        public Builder numbers(String key, Iterable<Long> values) {
            List<JsonValue> items = new ArrayList<>();
            values.forEach(v -> items.add(new JsonNumber(BigDecimal.valueOf(v))));
            return put(key, new JsonArray(items));
        }

        /** Adds an array of objects. */
        public Builder objects(String key, Iterable<JsonObject> values) {
            List<JsonValue> items = new ArrayList<>();
            values.forEach(items::add);
            return put(key, new JsonArray(items));
        }

        /** Adds an object of strings. */
        public Builder map(String key, Map<String, String> values) {
            return put(key, Json.strings(values));
        }

        /** The object. */
        public JsonObject build() {
            return new JsonObject(new LinkedHashMap<>(fields));
        }
    }

    /** An empty object to fill. */
    public static Builder object() {
        return new Builder();
    }

    /** An object to fill that starts as a copy. */
    public static Builder object(JsonObject from) {
        Builder b = new Builder();
        b.fields.putAll(from.fields());
        return b;
    }

    /** An object of strings. */
    public static JsonObject strings(Map<String, String> values) {
        Builder b = new Builder();
        values.forEach(b::put);
        return b.build();
    }

    /** A field that must be a string. */
    public static String string(JsonObject o, String key) {
        return o.string(key).orElseThrow(() -> missing(o, key, "a text"));
    }

    /** A field that must be a whole number. */
    public static long number(JsonObject o, String key) {
        if (o.fields().get(key) instanceof JsonNumber(BigDecimal v)) {
            try {
                return v.longValueExact();
            } catch (ArithmeticException e) {
                throw new RegistryException("'" + key + "' is no whole number: " + v + ".", e);
            }
        }
        throw missing(o, key, "a whole number");
    }

    /** A field that is true; absent counts as false. */
    public static boolean flag(JsonObject o, String key) {
        return o.fields().get(key) instanceof JsonBool(boolean v) && v;
    }

    /** A field that must be an object. */
    public static JsonObject object(JsonObject o, String key) {
        if (o.fields().get(key) instanceof JsonObject v) {
            return v;
        }
        throw missing(o, key, "an object");
    }

    /** Items of an array of objects; an absent field counts as empty. */
    public static List<JsonObject> objects(JsonObject o, String key) {
        return items(o, key).stream()
                .map(i -> i instanceof JsonObject v ? v : fail(o, key, "objects"))
                .toList();
    }

    /** Items of an array of strings; an absent field counts as empty. */
    public static List<String> strings(JsonObject o, String key) {
        return items(o, key).stream()
                .map(i -> i instanceof JsonString(String v) ? v : fail(o, key, "texts"))
                .map(String.class::cast)
                .toList();
    }

    /** Items of an array of whole numbers; an absent field counts as empty. */
    public static List<Long> numbers(JsonObject o, String key) {
        return items(o, key).stream()
                .map(i ->
                        i instanceof JsonNumber(BigDecimal v)
                                ? Long.valueOf(v.longValueExact())
                                : fail(o, key, "whole numbers"))
                .map(Long.class::cast)
                .toList();
    }

    /** An object of strings; an absent field counts as empty. */
    public static Map<String, String> map(JsonObject o, String key) {
        TreeMap<String, String> map = new TreeMap<>();
        if (o.fields().get(key) instanceof JsonObject inner) {
            inner.fields()
                    .forEach((k, v) ->
                            map.put(
                                    k,
                                    v instanceof JsonString(String s) ? s : fail(o, key, "texts")));
        }
        return map;
    }

    private static List<JsonValue> items(JsonObject o, String key) {
        Optional<JsonValue> value = o.get(key);
        if (value.isEmpty()) {
            return List.of();
        }
        if (value.get() instanceof JsonArray(List<JsonValue> items)) {
            return items;
        }
        throw missing(o, key, "a list");
    }

    private static <T> T fail(JsonObject o, String key, String what) {
        throw missing(o, key, what);
    }

    private static RegistryException missing(JsonObject o, String key, String what) {
        return new RegistryException(
                "Field '"
                        + key
                        + "' should be "
                        + what
                        + " in a record with the fields "
                        + o.fields().keySet()
                        + "; the record was altered or is of another version.");
    }

    /**
     * The canonical text.
     *
     * @throws RegistryException if a number is not whole, or a text holds half of a surrogate pair:
     *     UTF-8 has no bytes for that, and two texts would have one hash
     */
    public static String canonical(JsonValue value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    /** The canonical text's bytes in UTF-8. */
    public static byte[] bytes(JsonValue value) {
        return canonical(value).getBytes(StandardCharsets.UTF_8);
    }

    /** SHA-256 of {@link #bytes}. */
    public static String sha256(JsonValue value) {
        return Hashes.sha256Hex(bytes(value));
    }

    /** Reads an object from text. */
    public static JsonObject parse(String text, String what) {
        return JsonValue.readObject(text.getBytes(StandardCharsets.UTF_8), what);
    }

    private static void write(JsonValue value, StringBuilder out) {
        switch (value) {
            case JsonObject o -> {
                out.append('{');
                String comma = "";
                for (var e : new TreeMap<>(o.fields()).entrySet()) {
                    out.append(comma);
                    quote(e.getKey(), out);
                    out.append(':');
                    write(e.getValue(), out);
                    comma = ",";
                }
                out.append('}');
            }
            case JsonArray(List<JsonValue> items) -> {
                out.append('[');
                String comma = "";
                for (JsonValue i : items) {
                    out.append(comma);
                    write(i, out);
                    comma = ",";
                }
                out.append(']');
            }
            case JsonString(String s) -> quote(s, out);
            case JsonNumber(BigDecimal n) -> {
                try {
                    out.append(n.toBigIntegerExact());
                } catch (ArithmeticException e) {
                    throw new RegistryException(
                            "The number " + n + " is not whole; write it as a text.", e);
                }
            }
            case JsonBool(boolean b) -> out.append(b);
            case JsonNull n -> out.append("null");
        }
    }

    private static void quote(String s, StringBuilder out) {
        for (int i = 0; i < s.length(); i++) {
            if (Character.isSurrogate(s.charAt(i))) {
                int at = i++;
                if (i == s.length() || !Character.isSurrogatePair(s.charAt(at), s.charAt(i))) {
                    throw new RegistryException(
                            "The text '%s' has half of a surrogate pair, which is no character; leave it out."
                                    .formatted(Visible.shortened(s.replaceAll("\\p{Cs}", "?"))));
                }
            }
        }
        out.append('"');
        out.append(JsonStringEncoder.getInstance().quoteAsString(s));
        out.append('"');
    }

    /** The same value, indented for people; parses to an equal value. */
    public static String pretty(JsonValue value) {
        StringBuilder out = new StringBuilder();
        pretty(value, "\n", out);
        return out.append('\n').toString();
    }

    private static void pretty(JsonValue value, String indent, StringBuilder out) {
        if (value instanceof JsonObject o && !o.fields().isEmpty()) {
            out.append('{');
            String comma = "";
            for (var e : new TreeMap<>(o.fields()).entrySet()) {
                out.append(comma).append(indent).append("  ");
                quote(e.getKey(), out);
                out.append(": ");
                pretty(e.getValue(), indent + "  ", out);
                comma = ",";
            }
            out.append(indent).append('}');
        } else if (value instanceof JsonArray(List<JsonValue> items) && !items.isEmpty()) {
            out.append('[');
            String comma = "";
            for (JsonValue i : items) {
                out.append(comma).append(indent).append("  ");
                pretty(i, indent + "  ", out);
                comma = ",";
            }
            out.append(indent).append(']');
        } else {
            write(value, out);
        }
    }
}
