package org.diffusionsoup.diffusion.nn;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Reads the fields of a {@code config.json}, with the defaults of the reference library. */
public record JsonConfig(String source, JsonNode node) {
    /**
     * The mapper of this module and of {@code eval}, which do not see that of {@code data}; threads
     * share it, so nobody may configure it. Python writes infinities into JSON, as in {@code
     * lambda_min_clipped}; so they are read.
     */
    public static final ObjectMapper MAPPER =
            JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    /** More than any config needs. */
    private static final long MOST_BYTES = 16L << 20;

    /** Most of a value that a message repeats. */
    private static final int MOST_SHOWN = 100;

    /** Reads a config file. */
    public static JsonConfig read(Path file) {
        try {
            if (Files.isRegularFile(file) && Files.size(file) > MOST_BYTES) {
                throw new UnsupportedConfigException(
                        file + " is no config: it has more than " + MOST_BYTES + " bytes");
            }
            return read(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw new UnsupportedConfigException(
                    Files.exists(file)
                            ? file + " cannot be read: " + firstLine(e)
                            : file + " does not exist; a model folder needs it");
        }
    }

    /**
     * The same of a text.
     *
     * @param source what messages call it
     */
    public static JsonConfig read(byte[] text, String source) {
        try {
            JsonNode node = MAPPER.readTree(text);
            if (node == null || !node.isObject()) {
                throw new UnsupportedConfigException(source + " does not hold a JSON object");
            }
            return new JsonConfig(source, node);
        } catch (IOException e) {
            throw new UnsupportedConfigException(source + " is not valid JSON: " + firstLine(e));
        }
    }

    private static String firstLine(Exception e) {
        String m = String.valueOf(e.getMessage());
        int nl = m.indexOf('\n');
        return nl < 0 ? m : m.substring(0, nl);
    }

    /** An empty JSON object to be filled and written. */
    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** JSON text with indentation, as config files have it. */
    public static String text(JsonNode node) {
        return node.toPrettyString() + "\n";
    }

    /** Whether a field is present and not null. */
    public boolean has(String field) {
        return node.hasNonNull(field);
    }

    public JsonConfig sub(String field) {
        return new JsonConfig(source + "#" + field, node.path(field));
    }

    /** A whole number of 32 bits; 4.0 is one, "4" is not. */
    public int integer(String field, int fallback) {
        return has(field) ? integer(field, node.get(field)) : fallback;
    }

    /**
     * The side of a square, which may be written as a pair, as diffusers does.
     *
     * @throws UnsupportedConfigException if it is another rectangle
     */
    public int side(String field, int fallback) {
        JsonNode pair = node.get(field);
        if (pair == null || !pair.isArray() || pair.size() != 2) {
            return integer(field, fallback);
        }
        int height = integer(field, pair.get(0));
        if (height != integer(field, pair.get(1))) {
            throw new UnsupportedConfigException(
                    "%s: %s is %s; only squares are read, written as one number or as a pair of equal ones"
                            .formatted(source(), field, pair));
        }
        return height;
    }

    private int integer(String field, JsonNode value) {
        if (!value.isNumber()
                || !(value.isIntegralNumber()
                        ? value.canConvertToInt()
                        : value.asDouble() == (int) value.asDouble())) {
            throw bad(field, value, "a whole number of at most 10 digits");
        }
        return value.isIntegralNumber() ? value.intValue() : (int) value.asDouble();
    }

    /** A finite number. */
    public double number(String field, double fallback) {
        return has(field) ? number(field, node.get(field)) : fallback;
    }

    private double number(String field, JsonNode value) {
        if (!value.isNumber() || !Double.isFinite(value.asDouble())) {
            throw bad(field, value, "a number");
        }
        return value.asDouble();
    }

    /** A list of finite numbers. */
    public double[] numbers(String field) {
        JsonNode list = node.path(field);
        if (!list.isArray()) {
            throw bad(field, list, "a list of numbers");
        }
        double[] out = new double[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = number(field, list.get(i));
        }
        return out;
    }

    /** {@code true} or {@code false}. */
    public boolean flag(String field, boolean fallback) {
        if (has(field) && !node.get(field).isBoolean()) {
            throw bad(field, node.get(field), "true or false");
        }
        return has(field) ? node.get(field).asBoolean() : fallback;
    }

    /** A text. */
    public String text(String field, String fallback) {
        return has(field) ? text(field, node.get(field)) : fallback;
    }

    private String text(String field, JsonNode value) {
        if (!value.isTextual()) {
            throw bad(field, value, "a text");
        }
        return value.asText();
    }

    /**
     * What is made of this config; a refusal that does not name the file yet is given its name.
     *
     * @throws UnsupportedConfigException if a value is refused
     */
    public <T> T checked(Supplier<T> made) {
        try {
            return made.get();
        } catch (UnsupportedConfigException e) {
            String message = String.valueOf(e.getMessage());
            throw message.startsWith(source)
                    ? e
                    : new UnsupportedConfigException(source + ": " + message);
        }
    }

    private UnsupportedConfigException bad(String field, JsonNode value, String wanted) {
        String shown = value.toString();
        return new UnsupportedConfigException(
                "%s: %s is %s, it must be %s"
                        .formatted(
                                source,
                                field,
                                shown.length() > MOST_SHOWN
                                        ? shown.substring(0, MOST_SHOWN) + "..."
                                        : shown,
                                wanted));
    }

    /** A list of integers, or one integer repeated {@code n} times. */
    public List<Integer> integers(String field, int n, int fallback) {
        List<Integer> out = new ArrayList<>();
        if (node.path(field).isArray()) {
            node.get(field).forEach(v -> out.add(integer(field, v)));
        } else {
            for (int i = 0; i < n; i++) {
                out.add(integer(field, fallback));
            }
        }
        if (n > 0 && out.size() != n) {
            throw new UnsupportedConfigException(
                    source + ": " + field + " has " + out.size() + " entries, expected " + n);
        }
        return List.copyOf(out);
    }

    /** A list of strings. */
    public List<String> texts(String field, List<String> fallback) {
        if (!has(field)) {
            return fallback;
        }
        if (!node.get(field).isArray()) {
            throw bad(field, node.get(field), "a list of texts");
        }
        List<String> out = new ArrayList<>();
        node.get(field).forEach(v -> out.add(text(field, v)));
        return List.copyOf(out);
    }

    /** Refuses a field that holds anything but the values listed (null counts as absent). */
    public void only(String field, Object... allowed) {
        if (!has(field)) {
            return;
        }
        for (Object a : allowed) {
            if (node.get(field).asText().equals(String.valueOf(a))) {
                return;
            }
        }
        String shown = node.get(field).toString();
        throw new UnsupportedConfigException(
                "%s: %s = %s is not supported"
                        .formatted(
                                source,
                                field,
                                shown.length() > MOST_SHOWN
                                        ? shown.substring(0, MOST_SHOWN) + "..."
                                        : shown));
    }
}
