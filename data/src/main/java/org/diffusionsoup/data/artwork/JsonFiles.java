package org.diffusionsoup.data.artwork;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.JsonMappers;

/** Reads JSON of the npm packages. */
public final class JsonFiles {
    private JsonFiles() {}

    /**
     * Reads a whole file.
     *
     * @throws SoupException if it is missing or not JSON
     */
    public static JsonNode read(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new SoupException(
                    path + " is missing; give a node_modules folder that holds the emoji packages");
        }
        try {
            return JsonMappers.PLAIN.readTree(path.toFile());
        } catch (IOException e) {
            throw new SoupException(path + " is not valid JSON", e);
        }
    }
}
