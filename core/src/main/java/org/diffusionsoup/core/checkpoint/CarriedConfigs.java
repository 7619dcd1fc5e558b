package org.diffusionsoup.core.checkpoint;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * The configurations of a pipeline that a single file carries in its header, under {@link #KEY}: a
 * JSON object of paths to texts. They say what names and shapes of tensors do not: what the
 * denoiser predicts, for which noise schedule, with which vocabulary.
 */
public final class CarriedConfigs {
    /** The header's entry. */
    public static final String KEY = "diffusers.files";

    /** The scheduler's file. */
    public static final String SCHEDULER = "scheduler/scheduler_config.json";

    /** Nothing else is taken from a header, which anyone may have written. */
    private static final Pattern ALLOWED =
            Pattern.compile(
                    "(unet|vae|text_encoder|text_encoder_2)/config\\.json"
                            + "|scheduler/scheduler_config\\.json"
                            + "|(tokenizer|tokenizer_2)/(vocab\\.json|merges\\.txt"
                            + "|special_tokens_map\\.json|tokenizer_config\\.json"
                            + "|tokenizer\\.json|added_tokens\\.json)");

    private CarriedConfigs() {}

    /** Whether a pipeline's file, by its path relative to the folder, may be carried. */
    public static boolean isCarried(String name) {
        return ALLOWED.matcher(name).matches();
    }

    /**
     * The files of a header, by path relative to the folder; empty if it carries none.
     *
     * @param file whose header it is
     * @throws SoupException if the entry is malformed
     */
    public static SequencedMap<String, byte[]> of(Path file, Map<String, String> metadata) {
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        String text = metadata.get(KEY);
        if (text == null) {
            return files;
        }
        String what = "The header entry '" + KEY + "' of " + file;
        JsonObject object = JsonValue.readObject(text.getBytes(StandardCharsets.UTF_8), what);
        object.fields()
                .forEach((name, value) -> {
                    if (!(value instanceof JsonString(String content))) {
                        throw new SoupException(what + " is not an object of texts.");
                    }
                    if (isCarried(name)) {
                        files.put(name, content.getBytes(StandardCharsets.UTF_8));
                    }
                });
        return files;
    }

    /**
     * What headers have in common. The configurations that they carry say the same of the model by
     * now, if not in the same words, such as in which version they were written: of each file the
     * text that sorts first is kept, which does not depend on the order of the headers.
     *
     * @param headers of all that are put together
     * @param first whose configurations are kept as they are; of an empty one, none are
     */
    public static SortedMap<String, String> common(
            List<Map<String, String>> headers, Map<String, String> first) {
        TreeMap<String, String> common =
                new TreeMap<>(headers.isEmpty() ? Map.of() : headers.getFirst());
        headers.forEach(own -> common.entrySet().retainAll(own.entrySet()));
        if (common.containsKey(KEY)) {
            return common;
        }
        if (first.containsKey(KEY)) {
            common.put(KEY, first.getOrDefault(KEY, ""));
            return common;
        }
        TreeMap<String, JsonValue> files = new TreeMap<>();
        for (Map<String, String> h : headers) {
            of(Path.of("an ingredient"), h)
                    .forEach((name, text) ->
                            files.merge(
                                    name,
                                    new JsonString(new String(text, StandardCharsets.UTF_8)),
                                    CarriedConfigs::lesser));
        }
        if (!files.isEmpty()) {
            common.put(KEY, new JsonObject(new LinkedHashMap<>(files)).text());
        }
        return common;
    }

    private static JsonValue lesser(JsonValue a, JsonValue b) {
        return a instanceof JsonString(String x)
                        && b instanceof JsonString(String y)
                        && isLesser(
                                y.getBytes(StandardCharsets.UTF_8),
                                x.getBytes(StandardCharsets.UTF_8))
                ? b
                : a;
    }

    /** The order of texts that say the same: of their bytes. */
    public static boolean isLesser(byte[] a, byte[] b) {
        return Arrays.compareUnsigned(a, b) < 0;
    }

    /** The scheduler's configuration in a header, if it carries one. */
    static Optional<JsonObject> scheduler(Path file, Map<String, String> metadata) {
        return Optional.ofNullable(of(file, metadata).get(SCHEDULER))
                .map(b -> JsonValue.readObject(b, SCHEDULER + " in the header of " + file));
    }
}
