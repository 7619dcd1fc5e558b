package org.diffusionsoup.core;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import org.diffusionsoup.core.JsonValue.JsonObject;
import org.diffusionsoup.core.JsonValue.JsonString;

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

    /** The scheduler's configuration in a header, if it carries one. */
    static Optional<JsonObject> scheduler(Path file, Map<String, String> metadata) {
        return Optional.ofNullable(of(file, metadata).get(SCHEDULER))
                .map(b -> JsonValue.readObject(b, SCHEDULER + " in the header of " + file));
    }
}
