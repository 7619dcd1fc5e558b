package org.diffusionsoup.core.method.recipe;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A YAML or JSON text as a value that remembers its lines. */
sealed interface RecipeNode {
    /** The line it starts in, from 1. */
    int line();

    /** A string, a number as written, true or false. */
    record Text(int line, String value) implements RecipeNode {}

    /** A list. */
    record Items(int line, List<RecipeNode> items) implements RecipeNode {}

    /** A mapping in its order, with the lines of its keys. */
    record Fields(int line, SequencedMap<String, RecipeNode> fields, Map<String, Integer> keyLines)
            implements RecipeNode {}

    /** Reads values with their lines. */
    final class Reader {
        private static final int DEEPEST = 60;

        private final JsonParser p;
        private final String where;

        Reader(JsonParser p, String where) {
            this.p = p;
            this.where = where;
        }

        /** The whole text as one value. */
        RecipeNode read() throws IOException {
            RecipeNode node = node(p.nextToken(), 0);
            if (p.nextToken() != null) {
                throw new RecipeException(where, line(), "one recipe to a file, and no more");
            }
            return node;
        }

        private int line() {
            return Math.max(1, p.currentTokenLocation().getLineNr());
        }

        private RecipeNode node(@Nullable JsonToken token, int depth) throws IOException {
            int line = line();
            if (depth > DEEPEST) {
                throw new RecipeException(
                        where, line, "a recipe may not be nested deeper than " + DEEPEST);
            }
            return switch (token) {
                case START_OBJECT -> fields(line, depth);
                case START_ARRAY -> {
                    List<RecipeNode> items = new ArrayList<>();
                    for (JsonToken t = p.nextToken(); t != JsonToken.END_ARRAY; t = p.nextToken()) {
                        items.add(node(t, depth + 1));
                    }
                    yield new Items(line, items);
                }
                case VALUE_STRING, VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT, VALUE_TRUE, VALUE_FALSE ->
                        new Text(line, p.getText());
                case null -> throw new RecipeException(where, line, "the recipe ends too early");
                case VALUE_NULL -> throw new RecipeException(where, line, "a value is missing");
                case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                        throw new RecipeException(where, line, "unexpected " + token);
            };
        }

        private Fields fields(int line, int depth) throws IOException {
            SequencedMap<String, RecipeNode> fields = new LinkedHashMap<>();
            Map<String, Integer> lines = new HashMap<>();
            while (p.nextToken() == JsonToken.FIELD_NAME) {
                String key = p.currentName();
                int at = line();
                lines.put(key, at);
                if (fields.put(key, node(p.nextToken(), depth + 1)) != null) {
                    throw new RecipeException(
                            where, at, "the key '" + key + "' stands there twice");
                }
            }
            return new Fields(line, fields, lines);
        }
    }
}
