package org.diffusionsoup.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import org.diffusionsoup.core.SoupException;

/** Reads the JSON of one row, a tar's {@code KEY.json} or a line of {@code metadata.jsonl}. */
final class RowJson {
    /** A field named twice would say two things, of which the last would win unseen. */
    private static final ObjectReader JSON =
            JsonMappers.PLAIN
                    .reader()
                    .with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private RowJson() {}

    /**
     * Reads a text that is one JSON value and nothing else.
     *
     * @param what the subject of the message's sentence
     * @throws SoupException if it is not, or an object in it names a field twice
     */
    static JsonNode read(String text, String what) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            String problem = String.valueOf(e.getOriginalMessage());
            throw new SoupException(
                    problem.startsWith("Duplicate field")
                            ? what + " names a field twice; keep one"
                            : problem.startsWith("Trailing token")
                                    ? what + " goes on behind its object; keep one object"
                                    : what + " is not valid JSON",
                    e);
        }
    }
}
