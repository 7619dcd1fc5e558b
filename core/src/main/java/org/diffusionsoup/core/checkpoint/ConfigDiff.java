package org.diffusionsoup.core.checkpoint;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonNull;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * Compares two configuration files of a pipeline by what they say of the model: not by who wrote
 * them, in which version, for which dtype, and not by whether a default is written out.
 */
public final class ConfigDiff {
    /** Which fields differ are told up to here. */
    private static final int SHOWN = 3;

    private static final int VALUE_CHARACTERS = 60;

    /** Who wrote a file, when, where, and for which dtype. */
    private static final Set<String> OF_NO_MATTER =
            Set.of(
                    "_name_or_path",
                    "name_or_path",
                    "_diffusers_version",
                    "transformers_version",
                    "torch_dtype",
                    "dtype",
                    "_commit_hash",
                    "_use_default_values",
                    "architectures",
                    "tokenizer_file",
                    "special_tokens_map_file",
                    "processor_class",
                    "feature_extractor_type",
                    "image_processor_type",
                    "requires_safety_checker");

    /** Classes that were renamed, or that read the same files. */
    private static final Map<String, String> RENAMED =
            Map.of(
                    "CLIPFeatureExtractor", "CLIPImageProcessor",
                    "CLIPImageProcessorFast", "CLIPImageProcessor",
                    "CLIPTokenizerFast", "CLIPTokenizer");

    private ConfigDiff() {}

    /**
     * What differs.
     *
     * @param expected of the first, such as {@code prediction_type "epsilon"}
     * @param actual of the other; both are empty where fields cannot be told
     */
    public record Difference(String expected, String actual) {}

    /**
     * Compares a file.
     *
     * @param name its path relative to the pipeline's folder
     * @param without fields that are not compared
     * @return nothing where both say the same
     */
    public static Optional<Difference> between(
            String name, byte[] first, byte[] other, Collection<String> without) {
        if (Arrays.equals(first, other)) {
            return Optional.empty();
        }
        if (!name.endsWith(".json")) {
            return Optional.of(new Difference("", ""));
        }
        JsonObject a = JsonValue.readObject(first, name);
        JsonObject b = JsonValue.readObject(other, name);
        Map<String, JsonValue> mine = told(name, a, without);
        Map<String, JsonValue> its = told(name, b, without);
        Set<String> fields = new TreeSet<>(mine.keySet());
        fields.addAll(its.keySet());
        List<String> expected = new ArrayList<>();
        List<String> actual = new ArrayList<>();
        int more = 0;
        for (String f : fields) {
            JsonValue x = value(name, a, mine, f);
            JsonValue y = value(name, b, its, f);
            if (x.equals(y)) {
                continue;
            }
            if (expected.size() < SHOWN) {
                expected.add(f + " " + words(x));
                actual.add(f + " " + words(y));
            } else {
                more++;
            }
        }
        if (expected.isEmpty()) {
            return Optional.empty();
        }
        String rest = more == 0 ? "" : " and " + more + " fields more";
        return Optional.of(
                new Difference(String.join(", ", expected), String.join(", ", actual) + rest));
    }

    private static Map<String, JsonValue> told(
            String name, JsonObject config, Collection<String> without) {
        Map<String, JsonValue> fields = new LinkedHashMap<>(config.fields());
        fields.keySet().removeAll(OF_NO_MATTER);
        fields.keySet().removeAll(without);
        boolean index = name.equals(DiffusersFolder.INDEX);
        boolean image = name.endsWith("preprocessor_config.json");
        fields.replaceAll((k, v) -> index ? component(v) : image ? size(plain(v)) : plain(v));
        return fields;
    }

    private static JsonValue value(
            String name, JsonObject config, Map<String, JsonValue> told, String field) {
        JsonValue v = told.getOrDefault(field, new JsonNull());
        if (ConfigDefaults.meansNull(field) && told.containsKey(field)) {
            return v;
        }
        return v instanceof JsonNull ? plain(ConfigDefaults.of(name, config, field)) : v;
    }

    /** {@code [null, null]} is how an optional component is marked as absent. */
    private static JsonValue component(JsonValue entry) {
        if (!(entry instanceof JsonArray(List<JsonValue> pair))) {
            return plain(entry);
        }
        if (pair.stream().allMatch(JsonNull.class::isInstance)) {
            return new JsonNull();
        }
        return new JsonArray(
                pair.stream()
                        .map(v ->
                                v instanceof JsonString(String c)
                                        ? new JsonString(RENAMED.getOrDefault(c, c))
                                        : v)
                        .toList());
    }

    /** 224 where all sides are said to be 224. */
    private static JsonValue size(JsonValue v) {
        return v instanceof JsonObject o
                        && !o.fields().isEmpty()
                        && o.fields().values().stream().distinct().count() == 1
                        && o.fields().firstEntry().getValue() instanceof JsonNumber n
                ? n
                : v;
    }

    /** The same value with numbers in one form and the fields of objects in one order. */
    private static JsonValue plain(JsonValue v) {
        return switch (v) {
            case JsonNumber(BigDecimal n) ->
                    new JsonNumber(n.signum() == 0 ? BigDecimal.ZERO : n.stripTrailingZeros());
            case JsonArray(List<JsonValue> items) ->
                    new JsonArray(items.stream().map(ConfigDiff::plain).toList());
            case JsonObject o -> {
                TreeMap<String, JsonValue> fields = new TreeMap<>(o.fields());
                fields.replaceAll((k, f) -> plain(f));
                yield new JsonObject(new LinkedHashMap<>(fields));
            }
            default -> v;
        };
    }

    /** A value as JSON writes it, cut where it is long. */
    static String words(JsonValue v) {
        String text =
                switch (v) {
                    case JsonNull() -> "absent";
                    case JsonString(String s) -> "\"" + s + "\"";
                    case JsonBool(boolean b) -> String.valueOf(b);
                    case JsonNumber(BigDecimal n) ->
                            Math.abs(n.scale()) < 20 ? n.toPlainString() : n.toString();
                    case JsonArray(List<JsonValue> items) ->
                            items.stream().map(ConfigDiff::words).toList().toString();
                    case JsonObject o -> {
                        List<String> all = new ArrayList<>();
                        o.fields().forEach((k, f) -> all.add(k + ": " + words(f)));
                        yield "{" + String.join(", ", all) + "}";
                    }
                };
        return text.length() <= VALUE_CHARACTERS ? text : text.substring(0, VALUE_CHARACTERS) + "…";
    }
}
