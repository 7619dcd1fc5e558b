package org.diffusionsoup.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * The configurations of published models of Stable Diffusion, which are carried along; no weights.
 */
final class PublishedModels {
    private static final JsonNode ALL = read();

    private PublishedModels() {}

    static List<String> names() {
        return StreamSupport.stream(((Iterable<String>) ALL::fieldNames).spliterator(), false)
                .toList();
    }

    /** Names of a model's components that have a configuration, the scheduler among them. */
    static List<String> components(String model) {
        Iterable<String> names = known(model)::fieldNames;
        return StreamSupport.stream(names.spliterator(), false).toList();
    }

    /**
     * A component's {@code config.json}, or {@code scheduler_config.json}.
     *
     * @param component such as {@code unet}
     * @throws SoupException if there is no such model
     */
    static JsonConfig config(String model, String component) {
        return new JsonConfig(model + "/" + component, known(model).get(component));
    }

    private static ObjectNode known(String model) {
        if (ALL.get(model) instanceof ObjectNode node) {
            return node;
        }
        throw new SoupException(
                "there is no shape '%s'; there are %s."
                        .formatted(model, String.join(", ", names())));
    }

    private static JsonNode read() {
        try (InputStream in =
                Objects.requireNonNull(
                        PublishedModels.class.getResourceAsStream("published-models.json"))) {
            return JsonConfig.MAPPER.readTree(in);
        } catch (IOException e) {
            throw new SoupException("the shapes of published models cannot be read.", e);
        }
    }
}
