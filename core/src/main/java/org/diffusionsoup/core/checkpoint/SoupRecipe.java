package org.diffusionsoup.core.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonBool;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * How a weight file was made: the JSON object under {@code soup.recipe} in its header. Its {@code
 * method} says which other fields there are. All that write or read recipes do it through this
 * type, and share the words below.
 *
 * <p><b>The text counts.</b> Headers are part of what is hashed, and texts of recipes are hashed
 * and compared themselves; so a recipe that was read keeps its text, and one that is written has no
 * white space and its fields in the order in which they were written.
 *
 * <p><b>Versions.</b> Recipes of version 1, which is all there is, say nothing of it. A change that
 * readers of version 1 would misread has to raise {@link #VERSION}, and such recipes carry {@value
 * #VERSION_FIELD}, a whole number; {@link #parse} refuses those of a later version than its own. A
 * field that may be left unread (as {@value #COPIED}, which is for people) needs no new version.
 *
 * @param text the JSON text; of a file by other hands perhaps no JSON
 */
public record SoupRecipe(String text) {
    /** The latest version that {@link #parse} understands. */
    public static final int VERSION = 1;

    /** The field that says a later version than 1. */
    public static final String VERSION_FIELD = "recipe_version";

    /** The field that every recipe starts with. */
    public static final String METHOD = "method";

    /** Method of weighted means of checkpoints. */
    public static final String AVERAGE = "weighted average";

    /** Method of means from which an ingredient was taken by the paper's formula. */
    public static final String APPROXIMATE = "approximate removal";

    /** Method of trees of merge methods. */
    public static final String MERGE = "recipe";

    /** Method of files in another layout; what the origin said stands in it. */
    public static final String CONVERSION = "conversion";

    /** Method of ingredients that were trained here. */
    public static final String FINE_TUNE = "fine-tune";

    /** Of an average: what it was made of, a list of objects; see {@link Ingredient}. */
    public static final String INGREDIENTS = "ingredients";

    /** Of an ingredient or input: what it is called. */
    public static final String NAME = "name";

    /** Of an ingredient, an input or a merge: a hash, 64 hexadecimal digits. */
    public static final String SHA256 = "sha256";

    /** Of an ingredient: its share as a fraction, such as {@code 1/3}. */
    public static final String COEFFICIENT = "coefficient";

    /** Of an average of a folder: the weight file's name in it. */
    public static final String FILE = "file";

    /** Of an average: the components that were averaged, by commas, where not all were. */
    public static final String COMPONENTS = "components";

    /** Of an average: the variant of the weights, such as {@code fp16}. */
    public static final String VARIANT = "variant";

    /** Of an average: the dtype asked for, by its name in safetensors. */
    public static final String DTYPE = "dtype";

    /** Of an average: {@code true} where NaN and infinities were let through. */
    public static final String ALLOW_NON_FINITE = "allow_non_finite";

    /**
     * Of an average of unlike ingredients: the name of the one the others were compared with. Of
     * one that averages some {@link #COMPONENTS} of ingredients which differ in the others: the
     * name of the one that these were copied from.
     */
    public static final String FIRST_NAME = "first_name";

    /** The hash of that one, where several are called the same. */
    public static final String FIRST_SHA256 = "first_sha256";

    /** The places of the ingredients in the order they were given, where it counts. */
    public static final String GIVEN_ORDER = "given_order";

    /**
     * Which tensors are no means, in words: it follows from the policy, and is there to be read.
     */
    public static final String COPIED = "copied";

    /** Of a merge of folders: the component. */
    public static final String COMPONENT = "component";

    /** Of a merge: what it was made of, a list of objects with name and hash. */
    public static final String INPUTS = "inputs";

    /** Of a merge: the tree, in the words of docs/recipes.md. */
    public static final String TREE = "merge";

    /** Of a conversion: {@code diffusers} or {@code single}. */
    public static final String TO = "to";

    /** Of a conversion: what the origin's components said, by component. */
    public static final String OF = "of";

    /** Writes the fields after the method. */
    @FunctionalInterface
    public interface Fields {
        /**
         * @param g inside the object
         */
        void write(JsonGenerator g) throws IOException;
    }

    /**
     * One ingredient of an average; each field empty if the recipe has none or no text there.
     *
     * @param name as it was called
     * @param sha256 of its weight file; the empty text if it had no such file
     * @param coefficient its share, see {@link org.diffusionsoup.core.Coefficient#parse}
     */
    public record Ingredient(
            Optional<String> name, Optional<String> sha256, Optional<String> coefficient) {}

    /** A new recipe. */
    public static SoupRecipe write(String method, Fields fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            g.writeStartObject();
            g.writeStringField(METHOD, method);
            fields.write(g);
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("Cannot write the recipe.", e);
        }
        return new SoupRecipe(text.toString());
    }

    /** SHA-256 of the text in UTF-8, in hexadecimal. */
    public String sha256() {
        return Hashes.sha256Hex(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether the text is a JSON object, of whatever version. */
    public boolean isJson() {
        return object().isPresent();
    }

    /** Whether it is a recipe of this method, of a version that can be read. */
    public boolean isOf(String method) {
        return object().map(Parsed::new)
                .filter(p -> !p.isLater() && p.method().equals(method))
                .isPresent();
    }

    private Optional<JsonObject> object() {
        try {
            return Optional.of(object("a recipe"));
        } catch (SoupException e) {
            return Optional.empty();
        }
    }

    private JsonObject object(String where) {
        return JsonValue.readObject(text.getBytes(StandardCharsets.UTF_8), where);
    }

    /**
     * Reads the fields.
     *
     * @param file whose header it stands in, for messages
     * @throws SoupException if it is no JSON object, or of a later version; names the file
     */
    public Parsed parse(Object file) {
        Parsed parsed = new Parsed(object("The recipe in " + file));
        if (parsed.isLater()) {
            throw new SoupException(
                    "The recipe in %s is of version %s, and this Diffusion Soup reads version %d; take a later one."
                            .formatted(file, parsed.word(VERSION_FIELD), VERSION));
        }
        return parsed;
    }

    /**
     * A recipe's fields.
     *
     * @param fields as they stand in the text
     */
    public record Parsed(JsonObject fields) {
        private boolean isLater() {
            return has(VERSION_FIELD)
                    && !(fields.fields().get(VERSION_FIELD) instanceof JsonNumber(BigDecimal n)
                            && n.compareTo(BigDecimal.valueOf(VERSION)) <= 0);
        }

        /** The method; empty if it names none. */
        public String method() {
            return word(METHOD);
        }

        /** The names of the fields, in their order. */
        public Set<String> keys() {
            return fields.fields().keySet();
        }

        /** Whether there is such a field. */
        public boolean has(String key) {
            return fields.fields().containsKey(key);
        }

        /** A text, a number or a truth value as text; empty if there is none. */
        public String word(String key) {
            return switch (fields.fields().get(key)) {
                case JsonString(String s) -> s;
                case JsonNumber(BigDecimal n) -> n.toString();
                case JsonBool(boolean b) -> String.valueOf(b);
                case null, default -> "";
            };
        }

        /**
         * The ingredients; none if there is no list of them.
         *
         * @throws SoupException if one is no object
         */
        public List<Ingredient> ingredients() {
            List<Ingredient> all = new ArrayList<>();
            if (fields.fields().get(INGREDIENTS) instanceof JsonArray(List<JsonValue> items)) {
                for (JsonValue item : items) {
                    if (!(item instanceof JsonObject o)) {
                        throw new SoupException(
                                "An ingredient of the recorded recipe is no object.");
                    }
                    all.add(
                            new Ingredient(
                                    o.string(NAME), o.string(SHA256), o.string(COEFFICIENT)));
                }
            }
            return all;
        }
    }
}
