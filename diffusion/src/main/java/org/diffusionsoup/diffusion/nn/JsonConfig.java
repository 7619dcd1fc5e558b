package org.diffusionsoup.diffusion.nn;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads the fields of a {@code config.json}, with the defaults of the reference library. */
public record JsonConfig(String source, JsonNode node) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Reads a config file. */
    public static JsonConfig read(Path file) {
        try {
            JsonNode node = MAPPER.readTree(Files.readAllBytes(file));
            if (node == null || !node.isObject()) {
                throw new UnsupportedConfigException(file + " does not hold a JSON object");
            }
            return new JsonConfig(file.toString(), node);
        } catch (IOException e) {
            throw new UnsupportedConfigException(
                    Files.exists(file)
                            ? file + " is not valid JSON: " + firstLine(e)
                            : file + " does not exist; a model folder needs it");
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

    public int integer(String field, int fallback) {
        return has(field) ? node.get(field).asInt() : fallback;
    }

    public double number(String field, double fallback) {
        return has(field) ? node.get(field).asDouble() : fallback;
    }

    public boolean flag(String field, boolean fallback) {
        return has(field) ? node.get(field).asBoolean() : fallback;
    }

    public String text(String field, String fallback) {
        return has(field) ? node.get(field).asText() : fallback;
    }

    /** A list of integers, or one integer repeated {@code n} times. */
    public List<Integer> integers(String field, int n, int fallback) {
        List<Integer> out = new ArrayList<>();
        if (node.path(field).isArray()) {
            node.get(field).forEach(v -> out.add(v.asInt()));
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
        List<String> out = new ArrayList<>();
        node.get(field).forEach(v -> out.add(v.asText()));
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
        throw new UnsupportedConfigException(
                source + ": " + field + " = " + node.get(field) + " is not supported");
    }
}
