package org.diffusionsoup.core.method.recipe;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.method.AddDelta;
import org.diffusionsoup.core.method.Dare;
import org.diffusionsoup.core.method.DeltaExpr;
import org.diffusionsoup.core.method.DeltaSum;
import org.diffusionsoup.core.method.Difference;
import org.diffusionsoup.core.method.Factor;
import org.diffusionsoup.core.method.FisherMean;
import org.diffusionsoup.core.method.Load;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.MethodMerge;
import org.diffusionsoup.core.method.RecipeWriter;
import org.diffusionsoup.core.method.Slerp;
import org.diffusionsoup.core.method.Ties;
import org.diffusionsoup.core.method.WeightExpr;
import org.diffusionsoup.core.method.WeightedMean;
import org.diffusionsoup.core.method.recipe.RecipeNode.Fields;
import org.diffusionsoup.core.method.recipe.RecipeNode.Text;
import org.diffusionsoup.core.mismatch.MismatchPolicy;

/**
 * Reads recipes: YAML or JSON files by users, whichever the parser reads, and the recipes in the
 * headers of what {@link MethodMerge} wrote. The words are listed in docs/recipes.md; unknown and
 * repeated keys are refused with their line.
 */
public final class RecipeReader extends RecipeText {
    private RecipeReader(String where) {
        super(where);
    }

    /**
     * The recipe in a header.
     *
     * @param component the component it is about, empty if there is only one
     * @param sha256 of each input (of that component), by name
     * @param merge the tree
     * @param policy for weights that are not alike
     */
    public record Header(
            String component,
            SequencedMap<String, String> sha256,
            WeightExpr merge,
            MismatchPolicy policy) {}

    /** What is to become of weights that are not alike; all optional. */
    private static final List<String> POLICIES =
            List.of("on_missing", "on_extra", "on_dtype", "on_shape", "on_files", "on_integers");

    /**
     * Reads a recipe with {@code inputs} and {@code merge}.
     *
     * @param parser at the start of the text
     * @param where what messages call the text, such as its path
     * @param folder what relative paths of inputs start from
     * @throws RecipeException if it is no recipe; names the line
     */
    public static MergeRecipe read(JsonParser parser, String where, Path folder) {
        RecipeReader r = new RecipeReader(where);
        Fields root = r.fields(r.parse(parser), "a recipe", withPolicies("inputs", "merge"));
        SequencedMap<String, Path> inputs = new LinkedHashMap<>();
        for (var e : r.mapping(r.need(root, "inputs", "a recipe")).fields().entrySet()) {
            r.name(e.getValue().line(), e.getKey());
            inputs.put(e.getKey(), r.path(e.getValue(), folder));
        }
        RecipeNode merge = r.need(root, "merge", "a recipe");
        WeightExpr tree = r.weight(merge);
        MismatchPolicy policy = r.policy(root);
        return r.at(merge, () -> new MergeRecipe(inputs, tree, policy));
    }

    private static Set<String> withPolicies(String... others) {
        Set<String> all = new HashSet<>(POLICIES);
        all.addAll(List.of(others));
        return all;
    }

    /** Words may have hyphens, as on the command line. */
    private MismatchPolicy policy(Fields root) {
        Map<String, String> words = new TreeMap<>();
        MismatchPolicy policy = MismatchPolicy.REFUSE;
        for (String key : POLICIES) {
            RecipeNode node = root.fields().get(key);
            if (node != null) {
                words.put(key, text(node).replace('-', '_'));
                policy = at(node, () -> MismatchPolicy.of(words));
            }
        }
        return policy;
    }

    /**
     * Reads the {@code soup.recipe} of a header.
     *
     * @param where the file it stands in
     * @throws RecipeException if it is none that {@link MethodMerge} wrote
     */
    public static Header readHeader(SoupRecipe recipe, String where) {
        RecipeReader r = new RecipeReader("the recipe in " + where);
        RecipeNode node;
        try (JsonParser parser = new JsonFactory().createParser(recipe.text())) {
            node = r.parse(parser);
        } catch (IOException e) {
            throw new SoupException("Cannot read the recipe in " + where + ".", e);
        }
        Fields root =
                r.fields(
                        node,
                        "a header's recipe",
                        withPolicies(
                                SoupRecipe.METHOD,
                                SoupRecipe.COMPONENT,
                                SoupRecipe.INPUTS,
                                SoupRecipe.TREE,
                                SoupRecipe.SHA256,
                                SoupRecipe.COPIED));
        RecipeNode component = root.fields().get(SoupRecipe.COMPONENT);
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        for (RecipeNode item : r.items(r.need(root, SoupRecipe.INPUTS, "a header's recipe"))) {
            Fields input = r.fields(item, "an input", Set.of(SoupRecipe.NAME, SoupRecipe.SHA256));
            hashes.put(
                    r.text(r.need(input, SoupRecipe.NAME, "an input")),
                    r.text(r.need(input, SoupRecipe.SHA256, "an input")));
        }
        WeightExpr merge = r.weight(r.need(root, SoupRecipe.TREE, "a header's recipe"));
        String stated = r.text(r.need(root, SoupRecipe.SHA256, "a header's recipe"));
        MismatchPolicy policy = r.policy(root);
        if (!stated.equals(RecipeWriter.sha256(merge, policy))) {
            throw r.bad(root, "the recipe does not have the sha256 it states; it was changed");
        }
        return new Header(component == null ? "" : r.text(component), hashes, merge, policy);
    }

    private WeightExpr weight(RecipeNode node) {
        if (node instanceof Text name) {
            return new Load(name(name.line(), name.value()));
        }
        String method = method(node);
        RecipeNode body = mapping(node).fields().firstEntry().getValue();
        return at(
                node,
                () ->
                        switch (method) {
                            case "mean" -> mean(body);
                            case "add" -> add(body);
                            case "slerp" -> slerp(body);
                            case "fisher" -> fisher(body);
                            case "difference", "sum", "ties", "dare" ->
                                    throw bad(
                                            node,
                                            "'"
                                                    + method
                                                    + "' gives a delta, and weights are due"
                                                    + " here; add it to weights with 'add'");
                            default ->
                                    throw bad(
                                            node,
                                            "unknown method '"
                                                    + method
                                                    + "'; weights are the name of an input, mean,"
                                                    + " add, slerp or fisher");
                        });
    }

    private DeltaExpr delta(RecipeNode node) {
        if (node instanceof Text name) {
            throw bad(
                    node,
                    "'"
                            + name.value()
                            + "' are weights, and a delta is due here; write"
                            + " {difference: {of: "
                            + name.value()
                            + ", from: BASE}}");
        }
        String method = method(node);
        RecipeNode body = mapping(node).fields().firstEntry().getValue();
        return at(
                node,
                () ->
                        switch (method) {
                            case "difference" -> difference(body);
                            case "sum" -> sum(body);
                            case "ties" -> ties(body);
                            case "dare" -> dare(body);
                            case "mean", "add", "slerp", "fisher" ->
                                    throw bad(
                                            node,
                                            "'"
                                                    + method
                                                    + "' gives weights, and a delta is due"
                                                    + " here; take their difference from a base");
                            default ->
                                    throw bad(
                                            node,
                                            "unknown method '"
                                                    + method
                                                    + "'; deltas are difference, sum, ties or"
                                                    + " dare");
                        });
    }

    private String method(RecipeNode node) {
        Fields fields = mapping(node);
        if (fields.fields().size() != 1) {
            throw bad(node, "one method is due here, but there are " + fields.fields().keySet());
        }
        return fields.fields().firstEntry().getKey();
    }

    private WeightExpr mean(RecipeNode body) {
        List<WeightedMean.Term> terms = new ArrayList<>();
        for (RecipeNode item : items(body)) {
            if (item instanceof Fields f && f.fields().containsKey("of")) {
                Fields term = fields(item, "a term of a mean", Set.of("of", "weight"));
                WeightExpr of = weight(need(term, "of", "a term of a mean"));
                Factor k = factor(term, "weight");
                terms.add(at(item, () -> new WeightedMean.Term(k, of)));
            } else {
                terms.add(new WeightedMean.Term(Factor.ONE, weight(item)));
            }
        }
        return new WeightedMean(terms);
    }

    private WeightExpr add(RecipeNode body) {
        Fields f = fields(body, "add", Set.of("to", "scale", "delta"));
        return new AddDelta(
                weight(need(f, "to", "add")), factor(f, "scale"), delta(need(f, "delta", "add")));
    }

    private WeightExpr slerp(RecipeNode body) {
        Fields f = fields(body, "slerp", Set.of("from", "to", "t"));
        need(f, "t", "slerp");
        return new Slerp(
                weight(need(f, "from", "slerp")), weight(need(f, "to", "slerp")), factor(f, "t"));
    }

    private WeightExpr fisher(RecipeNode body) {
        Fields f = fields(body, "fisher", Set.of("floor", "terms"));
        List<FisherMean.Term> terms = new ArrayList<>();
        for (RecipeNode item : items(need(f, "terms", "fisher"))) {
            Fields term = fields(item, "a term of fisher", Set.of("of", "fisher", "weight"));
            RecipeNode name = need(term, "fisher", "a term of fisher");
            WeightExpr of = weight(need(term, "of", "a term of fisher"));
            Factor k = factor(term, "weight");
            String fisher = name(name.line(), text(name));
            terms.add(at(item, () -> new FisherMean.Term(k, of, fisher)));
        }
        RecipeNode floor = f.fields().get("floor");
        return new FisherMean(terms, floor == null ? FisherMean.FLOOR : number(floor));
    }

    private DeltaExpr difference(RecipeNode body) {
        Fields f = fields(body, "difference", Set.of("of", "from"));
        return new Difference(
                weight(need(f, "of", "difference")), weight(need(f, "from", "difference")));
    }

    private DeltaExpr sum(RecipeNode body) {
        List<DeltaSum.Term> terms = new ArrayList<>();
        for (RecipeNode item : items(body)) {
            if (item instanceof Fields f && f.fields().containsKey("delta")) {
                Fields term = fields(item, "a term of a sum", Set.of("delta", "scale"));
                terms.add(
                        new DeltaSum.Term(
                                factor(term, "scale"),
                                delta(need(term, "delta", "a term of a sum"))));
            } else {
                terms.add(new DeltaSum.Term(Factor.ONE, delta(item)));
            }
        }
        return new DeltaSum(terms);
    }

    private DeltaExpr ties(RecipeNode body) {
        Fields f = fields(body, "ties", Set.of("density", "deltas"));
        need(f, "density", "ties");
        List<DeltaExpr> deltas = new ArrayList<>();
        items(need(f, "deltas", "ties")).forEach(d -> deltas.add(delta(d)));
        return new Ties(deltas, factor(f, "density"));
    }

    private DeltaExpr dare(RecipeNode body) {
        Fields f = fields(body, "dare", Set.of("delta", "drop", "seed", "rescale"));
        need(f, "drop", "dare");
        RecipeNode rescale = f.fields().get("rescale");
        return new Dare(
                delta(need(f, "delta", "dare")),
                factor(f, "drop"),
                seed(need(f, "seed", "dare")),
                rescale == null || truth(rescale));
    }
}
