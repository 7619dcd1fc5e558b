package org.diffusionsoup.core.method;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.mismatch.MismatchPolicy;

/**
 * A merge as JSON in one fixed form, in the words of YAML recipes: keys in their own order (this is
 * not RFC 8785, which would sort them), every default written out, numbers as strings in lowest
 * terms, no white space.
 */
public final class RecipeWriter {
    private final JsonGenerator g;
    private final UnaryOperator<String> input;

    private RecipeWriter(JsonGenerator g, UnaryOperator<String> input) {
        this.g = g;
        this.input = input;
    }

    /** The tree, with its inputs under the names given. */
    static String tree(Expr root, UnaryOperator<String> input) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(text)) {
            new RecipeWriter(g, input).expr(root);
        } catch (IOException e) {
            throw new SoupException("Cannot write the recipe.", e);
        }
        return text.toString();
    }

    /**
     * What the header of one weight file says.
     *
     * @param part the component, empty if there is only one
     * @param policy for weights that are not alike
     * @param copied which tensors are the first's alone, in words; empty where none are
     * @param hashes SHA-256 of that component of every input, by name
     */
    static SoupRecipe header(
            String part,
            WeightExpr root,
            MismatchPolicy policy,
            String copied,
            Map<String, String> hashes) {
        return SoupRecipe.write(
                SoupRecipe.MERGE,
                g -> {
                    if (!part.isEmpty()) {
                        g.writeStringField(SoupRecipe.COMPONENT, part);
                    }
                    for (var e : words(policy).entrySet()) {
                        g.writeStringField(e.getKey(), e.getValue());
                    }
                    if (!copied.isEmpty()) {
                        g.writeStringField(SoupRecipe.COPIED, copied);
                    }
                    g.writeArrayFieldStart(SoupRecipe.INPUTS);
                    for (var e : hashes.entrySet()) {
                        g.writeStartObject();
                        g.writeStringField(SoupRecipe.NAME, e.getKey());
                        g.writeStringField(SoupRecipe.SHA256, e.getValue());
                        g.writeEndObject();
                    }
                    g.writeEndArray();
                    g.writeFieldName(SoupRecipe.TREE);
                    new RecipeWriter(g, n -> n).expr(root);
                    g.writeStringField(SoupRecipe.SHA256, sha256(root, policy));
                });
    }

    /**
     * SHA-256 of the tree's JSON, followed by what the policy does not refuse, if it is anything.
     */
    public static String sha256(WeightExpr root, MismatchPolicy policy) {
        String words = policy.refusesAll() ? "" : words(policy).toString();
        return Hashes.sha256Hex(
                (tree(root, n -> n) + words).getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private static SortedMap<String, String> words(MismatchPolicy policy) {
        SortedMap<String, String> words = new TreeMap<>();
        policy.describe(words);
        return words;
    }

    private void expr(Expr expr) throws IOException {
        switch (expr) {
            case Load e -> g.writeString(input.apply(e.input()));
            case WeightedMean e -> {
                open("mean", true);
                for (var t : e.terms()) {
                    g.writeStartObject();
                    field("of", t.of());
                    field("weight", t.k());
                    g.writeEndObject();
                }
                close(true);
            }
            case AddDelta e -> {
                open("add", false);
                field("to", e.to());
                field("scale", e.scale());
                field("delta", e.delta());
                close(false);
            }
            case Slerp e -> {
                open("slerp", false);
                field("from", e.from());
                field("to", e.to());
                field("t", e.t());
                close(false);
            }
            case FisherMean e -> {
                open("fisher", false);
                g.writeStringField("floor", e.floor().toString());
                g.writeArrayFieldStart("terms");
                for (var t : e.terms()) {
                    g.writeStartObject();
                    field("of", t.of());
                    g.writeStringField("fisher", input.apply(t.fisher()));
                    field("weight", t.k());
                    g.writeEndObject();
                }
                g.writeEndArray();
                close(false);
            }
            case Difference e -> {
                open("difference", false);
                field("of", e.of());
                field("from", e.from());
                close(false);
            }
            case DeltaSum e -> {
                open("sum", true);
                for (var t : e.terms()) {
                    g.writeStartObject();
                    field("delta", t.delta());
                    field("scale", t.scale());
                    g.writeEndObject();
                }
                close(true);
            }
            case Ties e -> {
                open("ties", false);
                field("density", e.density());
                g.writeArrayFieldStart("deltas");
                for (DeltaExpr d : e.deltas()) {
                    expr(d);
                }
                g.writeEndArray();
                close(false);
            }
            case Dare e -> {
                open("dare", false);
                field("delta", e.delta());
                field("drop", e.drop());
                g.writeStringField("seed", Long.toString(e.seed()));
                g.writeBooleanField("rescale", e.rescale());
                close(false);
            }
        }
    }

    private void open(String method, boolean list) throws IOException {
        g.writeStartObject();
        g.writeFieldName(method);
        if (list) {
            g.writeStartArray();
        } else {
            g.writeStartObject();
        }
    }

    private void close(boolean list) throws IOException {
        if (list) {
            g.writeEndArray();
        } else {
            g.writeEndObject();
        }
        g.writeEndObject();
    }

    private void field(String key, Expr expr) throws IOException {
        g.writeFieldName(key);
        expr(expr);
    }

    private void field(String key, Factor factor) throws IOException {
        if (factor.rules().isEmpty()) {
            g.writeStringField(key, factor.otherwise().toString());
            return;
        }
        g.writeObjectFieldStart(key);
        g.writeArrayFieldStart("blocks");
        for (Factor.Rule r : factor.rules()) {
            g.writeStartObject();
            g.writeStringField(r.pattern().isRegex() ? "regex" : "match", r.pattern().text());
            g.writeStringField("value", r.value().toString());
            g.writeEndObject();
        }
        g.writeEndArray();
        g.writeStringField("default", factor.otherwise().toString());
        g.writeEndObject();
    }
}
