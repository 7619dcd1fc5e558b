package org.diffusionsoup.workbench.merge;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.diffusionsoup.core.Coefficient;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.SoupRecipe.Parsed;
import org.diffusionsoup.core.io.HashCache;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.MethodMerge;
import org.diffusionsoup.core.method.WeightExpr;
import org.diffusionsoup.core.method.recipe.RecipeReader;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.core.soup.Souper;
import org.diffusionsoup.core.tensor.DType;

/**
 * What the headers of a soup say about how it was made, put together over its weight files.
 *
 * @param version of Diffusion Soup that made it
 * @param inputs what it was made of, in the recipe's order
 * @param parts the names of the parts that were made; others were copied
 * @param variant of the weights of its inputs that are folders; empty for those without one
 * @param how the making
 */
record StoredRecipe(
        String version, List<Input> inputs, Set<String> parts, String variant, Making how) {
    /**
     * One input.
     *
     * @param name as the recipe calls it
     * @param sha256 of its weights by part
     */
    record Input(String name, Map<String, String> sha256) {}

    /** How it is made again from the inputs' paths. */
    @FunctionalInterface
    interface Making {
        void make(List<Path> inputs, Path out, HashCache hashes, SoupProgress progress);
    }

    /**
     * Reads the headers.
     *
     * @throws SoupException if they hold no recipe, or none that can be followed
     */
    static StoredRecipe of(Checkpoint soup) {
        SequencedMap<String, Provenance> recipes = new LinkedHashMap<>();
        soup.parts()
                .forEach((part, source) ->
                        Provenance.readFrom(source.metadata())
                                .ifPresent(p -> recipes.put(part, p)));
        if (recipes.isEmpty()) {
            throw new SoupException(
                    soup.path()
                            + " has no recipe in its header; it was not made by Diffusion Soup.");
        }
        // Copied components may carry recipes of their own: the soup's is the one that covers them.
        // One that names what it covers is asked before those that cover all there is.
        List<Map.Entry<String, Provenance>> order = new ArrayList<>(recipes.entrySet());
        order.sort(Comparator.comparing(e -> !namesComponents(e.getValue().recipe())));
        for (var e : order) {
            Parsed json = e.getValue().recipe().parse(soup.path());
            switch (json.method()) {
                case SoupRecipe.AVERAGE -> {
                    Set<String> parts = components(json).orElse(soup.parts().keySet());
                    if (parts.contains(e.getKey())) {
                        return average(soup, recipes, json, parts, e.getValue().version());
                    }
                }
                case SoupRecipe.MERGE -> {
                    return merge(soup, recipes, e.getValue().version());
                }
                case SoupRecipe.CONVERSION -> throw converted(soup, json);
                default -> {
                    // Looked at below, if no other part says how the soup was made.
                }
            }
        }
        throw notMade(soup, recipes);
    }

    /**
     * Of a model that was trained: names the training by which it is what it is. Text encoder and
     * autoencoder of an ingredient are its base's, with recipes of their own.
     */
    private static SoupException notMade(
            Checkpoint soup, SequencedMap<String, Provenance> recipes) {
        Optional<String> tuned =
                recipes.entrySet().stream()
                        .filter(e -> e.getValue().recipe().isOf(SoupRecipe.FINE_TUNE))
                        .map(Map.Entry::getKey)
                        .findFirst();
        if (tuned.isPresent()) {
            return new SoupException(
                    "%s is an ingredient: %s trained by 'soup train' (its recipe's method is '%s'), not averaged or merged. The same 'soup train', with the base, shards and settings that 'soup inspect' shows, makes it again."
                            .formatted(
                                    soup.path(),
                                    tuned.get().isEmpty()
                                            ? "it was"
                                            : "its " + tuned.get() + " was",
                                    SoupRecipe.FINE_TUNE));
        }
        String methods =
                recipes.values().stream()
                        .map(p -> p.recipe().parse(soup.path()).method())
                        .distinct()
                        .collect(Collectors.joining("', '"));
        return new SoupException(
                soup.path()
                        + " was not averaged or merged (its recipe's method is '"
                        + methods
                        + "'), so it cannot be made again from inputs alone.");
    }

    private static SoupException converted(Checkpoint soup, Parsed json) {
        boolean folder = json.word(SoupRecipe.TO).equals("diffusers");
        return new SoupException(
                "%s was converted from a %s by 'soup convert' (its recipe is kept under \"of\" in soup.recipe), so it cannot be made again from inputs alone; reproduce what it was converted from."
                        .formatted(soup.path(), folder ? "single file" : "diffusers folder"));
    }

    private static boolean namesComponents(SoupRecipe recipe) {
        return recipe.isOf(SoupRecipe.AVERAGE)
                && recipe.parse("a header").has(SoupRecipe.COMPONENTS);
    }

    private static Optional<Set<String>> components(Parsed json) {
        return json.has(SoupRecipe.COMPONENTS)
                ? Optional.of(Set.of(json.word(SoupRecipe.COMPONENTS).split(",", -1)))
                : Optional.empty();
    }

    private static StoredRecipe average(
            Checkpoint soup,
            Map<String, Provenance> recipes,
            Parsed main,
            Set<String> parts,
            String version) {
        known(soup, main);
        List<String> names = new ArrayList<>();
        List<Coefficient> k = new ArrayList<>();
        for (SoupRecipe.Ingredient i : main.ingredients()) {
            names.add(i.name().orElse(""));
            k.add(Coefficient.parse(i.coefficient().orElse("")));
        }
        UnlikeIngredients unlike = UnlikeIngredients.of(soup, main);
        SortedMap<String, Parsed> made = new TreeMap<>();
        for (String part : parts) {
            Optional<Parsed> json =
                    Optional.ofNullable(recipes.get(part)).map(p -> p.recipe().parse(soup.path()));
            if (json.isPresent() && !names.isEmpty() && agree(main, json.get(), unlike)) {
                known(soup, json.get());
                made.put(part, json.get());
            } else if (soup.parts().containsKey(part) || !unlike.drops()) {
                json.ifPresent(j -> known(soup, j));
                throw disagreeing(soup, part);
            }
        }
        List<Input> inputs = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            Map<String, String> hashes = new TreeMap<>();
            for (var e : made.entrySet()) {
                hashes.put(e.getKey(), e.getValue().ingredients().get(i).sha256().orElse(""));
            }
            if (hashes.values().stream().allMatch(String::isEmpty)) {
                throw new SoupException(
                        soup.path()
                                + " cannot be made again: nothing of its ingredient '"
                                + names.get(i)
                                + "' is in it, so its recipe holds no hash to find that one by.");
            }
            inputs.add(new Input(names.get(i), hashes));
        }
        List<Integer> order = unlike.order(soup, made, inputs);
        SoupOptions options = options(soup, main).withPolicy(unlike.policy());
        return new StoredRecipe(
                version,
                inputs,
                made.keySet(),
                options.variant(),
                (paths, out, cache, progress) -> {
                    List<SoupIngredient> ingredients = new ArrayList<>();
                    for (int i : order) {
                        ingredients.add(new SoupIngredient(names.get(i), paths.get(i), k.get(i)));
                    }
                    unlike.checkOrderOfOthers(soup.path(), made.keySet(), ingredients);
                    // What was noted of a search is part of the bytes.
                    SortedMap<String, String> notes =
                            made.keySet().stream()
                                    .flatMap(p -> Stream.ofNullable(recipes.get(p)))
                                    .findFirst()
                                    .map(Provenance::more)
                                    .orElse(new TreeMap<>());
                    Souper.with(options.withHashes(cache).withProgress(progress))
                            .make(ingredients, out, notes);
                });
    }

    /** Whether two parts' recipes are of the same ingredients, whatever their parts' hashes. */
    private static boolean agree(Parsed a, Parsed b, UnlikeIngredients unlike) {
        return unlike.agreesWith(b) && shares(a).equals(shares(b));
    }

    private static List<List<Optional<String>>> shares(Parsed recipe) {
        return recipe.ingredients().stream().map(i -> List.of(i.name(), i.coefficient())).toList();
    }

    private static SoupOptions options(Checkpoint soup, Parsed json) {
        SoupOptions options =
                SoupOptions.DEFAULT
                        .withWriter(CheckpointWriter.DEFAULT)
                        .withAllowNonFinite(json.word(SoupRecipe.ALLOW_NON_FINITE).equals("true"));
        if (json.has(SoupRecipe.DTYPE)) {
            String name = json.word(SoupRecipe.DTYPE);
            options =
                    options.withOutputDType(
                            Optional.of(
                                    DType.ofSafetensorsName(name)
                                            .orElseThrow(() ->
                                                    new SoupException(
                                                            "The recipe in "
                                                                    + soup.path()
                                                                    + " has the unknown dtype "
                                                                    + name
                                                                    + "."))));
        }
        return options.withComponents(components(json).orElse(Set.of()))
                .withVariant(json.word(SoupRecipe.VARIANT));
    }

    /** Whoever does not know a word of a recipe cannot follow it. */
    private static void known(Checkpoint soup, Parsed json) {
        Set<String> words =
                Set.of(
                        SoupRecipe.METHOD,
                        SoupRecipe.FILE,
                        SoupRecipe.INGREDIENTS,
                        SoupRecipe.DTYPE,
                        SoupRecipe.ALLOW_NON_FINITE,
                        SoupRecipe.COMPONENTS,
                        SoupRecipe.VARIANT);
        json.keys()
                .forEach(key -> {
                    if (!words.contains(key) && !UnlikeIngredients.knows(key)) {
                        throw new SoupException(
                                "The recipe in "
                                        + soup.path()
                                        + " has '"
                                        + key
                                        + "', which this version cannot make again.");
                    }
                });
    }

    private static StoredRecipe merge(
            Checkpoint soup, Map<String, Provenance> recipes, String version) {
        SequencedMap<String, Map<String, String>> hashes = new LinkedHashMap<>();
        Optional<WeightExpr> tree = Optional.empty();
        MismatchPolicy policy = MismatchPolicy.REFUSE;
        for (String part : soup.parts().keySet()) {
            Provenance p = recipes.get(part);
            if (p == null) {
                throw disagreeing(soup, part);
            }
            RecipeReader.Header header =
                    RecipeReader.readHeader(p.recipe(), soup.part(part).path().toString());
            if (!tree.orElse(header.merge()).equals(header.merge())
                    || !header.component().equals(part)) {
                throw disagreeing(soup, part);
            }
            tree = Optional.of(header.merge());
            policy = header.policy();
            header.sha256()
                    .forEach((name, sha) ->
                            hashes.computeIfAbsent(name, n -> new TreeMap<>()).put(part, sha));
        }
        WeightExpr root = tree.orElseThrow(() -> disagreeing(soup, ""));
        MismatchPolicy asked = policy;
        List<Input> inputs = new ArrayList<>();
        hashes.forEach((name, byPart) -> inputs.add(new Input(name, byPart)));
        return new StoredRecipe(
                version,
                inputs,
                new TreeSet<>(soup.parts().keySet()),
                "",
                (paths, out, cache, progress) -> {
                    SequencedMap<String, Path> byName = new LinkedHashMap<>();
                    for (int i = 0; i < paths.size(); i++) {
                        byName.put(inputs.get(i).name(), paths.get(i));
                    }
                    MethodMerge.create()
                            .hashes(cache)
                            .progress(progress)
                            .make(new MergeRecipe(byName, root, asked), out);
                });
    }

    private static SoupException disagreeing(Checkpoint soup, String part) {
        return new SoupException(
                "The weight files of "
                        + soup.path()
                        + " tell different recipes"
                        + (part.isEmpty() ? "" : " (see component '" + part + "')")
                        + ", so it cannot be made again as a whole.");
    }
}
