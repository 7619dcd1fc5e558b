package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * Which scheduler a pipeline in a folder runs. As in diffusers, {@code model_index.json} names its
 * class; {@code scheduler_config.json} has the settings, and what {@code _class_name} stands there
 * does not count.
 */
public final class SchedulerClass {
    private static final String COMPONENT = "scheduler";
    private static final String CLASS = "_class_name";

    private SchedulerClass() {}

    /**
     * The class that a folder's index names, such as {@code DDIMScheduler}.
     *
     * @param folder with a {@code model_index.json}
     * @return empty where the index has no scheduler, or {@code [null, null]}
     * @throws SoupException if the index cannot be read, or the class is of another library than
     *     diffusers
     */
    public static Optional<String> of(Path folder) {
        Path file = folder.resolve(DiffusersFolder.INDEX);
        JsonValue entry = JsonValue.readObject(file).fields().get(COMPONENT);
        if (!(entry instanceof JsonArray(List<JsonValue> pair))
                || pair.size() != 2
                || !(pair.get(0) instanceof JsonString(String library))
                || !(pair.get(1) instanceof JsonString(String name))) {
            return Optional.empty();
        }
        if (!library.equals("diffusers")) {
            throw new SoupException(
                    "%s: the scheduler %s is of '%s'; only those of diffusers are supported."
                            .formatted(file, name, library));
        }
        return Optional.of(name);
    }

    /**
     * The text of a folder's {@code scheduler_config.json} with the class that the index names: the
     * file's own bytes where it names the same.
     *
     * @throws SoupException if it cannot be read, or as {@link #of} does
     */
    public static byte[] settings(Path folder) {
        Path file = folder.resolve(CarriedConfigs.SCHEDULER);
        try {
            byte[] own = Files.readAllBytes(file);
            Optional<String> name = of(folder);
            if (name.isEmpty()) {
                return own;
            }
            JsonObject settings = JsonValue.readObject(own, file.toString());
            if (settings.string(CLASS).equals(name)) {
                return own;
            }
            Map<String, JsonValue> fields = new LinkedHashMap<>(settings.fields());
            fields.put(CLASS, new JsonString(name.get()));
            return new JsonObject(new LinkedHashMap<>(fields))
                    .text()
                    .getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
