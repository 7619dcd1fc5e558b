package org.diffusionsoup.workbench.merge;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.SoupRecipe.Parsed;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnMissing;
import org.diffusionsoup.core.soup.SoupIngredient;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * What a recipe says of ingredients that were not required to be alike: the policy, and which of
 * them was given first, as the others were compared with that one. Of a soup whose ingredients had
 * to be alike it says at most which one the components were copied from that were not averaged;
 * beyond that, the order does not matter.
 *
 * @param words the recipe's keys about it, which all parts of a soup agree on
 * @param policy what they mean
 */
record UnlikeIngredients(SortedMap<String, String> words, MismatchPolicy policy) {
    private static final Set<String> SHARED =
            Set.of(
                    "on_missing",
                    "on_extra",
                    "on_dtype",
                    "on_shape",
                    "on_files",
                    "on_integers",
                    SoupRecipe.FIRST_NAME,
                    SoupRecipe.GIVEN_ORDER);

    /**
     * Reads a recipe.
     *
     * @throws SoupException if it has a policy that this version does not know, or one without a
     *     first ingredient; names the soup
     */
    static UnlikeIngredients of(Checkpoint soup, Parsed recipe) {
        SortedMap<String, String> words = shared(recipe);
        MismatchPolicy policy;
        try {
            policy = MismatchPolicy.of(words);
        } catch (SoupException e) {
            throw new SoupException(
                    "The recipe in " + soup.path() + " cannot be followed: " + e.getMessage(), e);
        }
        boolean first = words.containsKey(SoupRecipe.FIRST_NAME);
        // Of components that were not averaged, the first ingredient's are copied.
        boolean copies = recipe.has(SoupRecipe.COMPONENTS);
        if (policy.refusesAll() ? first && !copies : !first) {
            throw new SoupException(
                    "The recipe in "
                            + soup.path()
                            + " has only one of a first ingredient and a policy for those that differ"
                            + " from it.");
        }
        return new UnlikeIngredients(words, policy);
    }

    private static SortedMap<String, String> shared(Parsed recipe) {
        TreeMap<String, String> words = new TreeMap<>();
        for (String key : SHARED) {
            if (recipe.has(key)) {
                words.put(key, recipe.word(key));
            }
        }
        return words;
    }

    /** The keys that {@link #of} and {@link #order} know. */
    static boolean knows(String key) {
        return SHARED.contains(key)
                || key.equals(SoupRecipe.FIRST_SHA256)
                || key.equals(SoupRecipe.COPIED);
    }

    /** Whether another part's recipe says the same. */
    boolean agreesWith(Parsed recipe) {
        return words.equals(shared(recipe));
    }

    /**
     * Whether components that were to be averaged may be left out, as some ingredient lacks them.
     */
    boolean drops() {
        return policy.missing() == OnMissing.DROP;
    }

    /**
     * In which order the ingredients were given.
     *
     * @param recipes of the parts that were made
     * @param inputs the ingredients
     * @return their indexes: the first one first, and the others in the order they were given where
     *     the recipe tells it
     * @throws SoupException if the recipes do not tell who was first
     */
    List<Integer> order(
            Checkpoint soup, Map<String, Parsed> recipes, List<StoredRecipe.Input> inputs) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            order.add(i);
        }
        String told = words.get(SoupRecipe.GIVEN_ORDER);
        if (told == null) {
            order.addFirst(order.remove(first(soup, recipes, inputs)));
            return order;
        }
        List<String> places = List.of(told.split(",", -1));
        List<String> all = order.stream().map(i -> String.valueOf(i + 1)).toList();
        if (places.size() != all.size() || !Set.copyOf(places).equals(Set.copyOf(all))) {
            throw new SoupException(
                    "The recipe in "
                            + soup.path()
                            + " gives its "
                            + all.size()
                            + " ingredients the impossible order '"
                            + told
                            + "'.");
        }
        return places.stream().map(p -> Integer.parseInt(p) - 1).toList();
    }

    private int first(
            Checkpoint soup, Map<String, Parsed> recipes, List<StoredRecipe.Input> inputs) {
        String name = words.get(SoupRecipe.FIRST_NAME);
        if (name == null) {
            return 0;
        }
        List<Integer> named = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            if (inputs.get(i).name().equals(name)) {
                named.add(i);
            }
        }
        List<Integer> left = new ArrayList<>(named);
        recipes.forEach((part, recipe) -> {
            if (recipe.has(SoupRecipe.FIRST_SHA256)) {
                String wanted = recipe.word(SoupRecipe.FIRST_SHA256);
                left.removeIf(i -> !wanted.equals(inputs.get(i).sha256().get(part)));
            }
        });
        if (left.isEmpty()) {
            throw new SoupException(
                    "The recipe in "
                            + soup.path()
                            + " says that '"
                            + name
                            + "' was the first ingredient, but names no such ingredient.");
        }
        // Equal hashes are found in the same place: either is the first.
        if (left.stream().map(i -> inputs.get(i).sha256()).distinct().count() > 1) {
            throw new SoupException(
                    soup.path()
                            + " cannot be made again: "
                            + left.size()
                            + " of its ingredients are called '"
                            + name
                            + "', and its recipe does not say which of them was the first.");
        }
        return left.getFirst();
    }

    /**
     * Makes sure that it makes no difference in which order the others followed the first where the
     * recipe does not tell that, as recipes of earlier versions do not. It makes one where tensors
     * are kept that the first lacks and others have in several shapes or dtypes: they are compared
     * with the one that had them first.
     *
     * @param ingredients the first one first
     * @throws SoupException if it does; names a tensor
     */
    void checkOrderOfOthers(Path soup, Set<String> parts, List<SoupIngredient> ingredients) {
        if (policy.extra() != OnExtra.KEEP
                || ingredients.size() < 3
                || words.containsKey(SoupRecipe.GIVEN_ORDER)) {
            return;
        }
        record Seen(String ingredient, TensorInfo tensor) {}
        for (String part : parts) {
            Map<String, Seen> extra = new LinkedHashMap<>();
            Set<String> known = Set.of();
            for (int i = 0; i < ingredients.size(); i++) {
                SoupIngredient ingredient = ingredients.get(i);
                try (Checkpoint c = Checkpoint.open(ingredient.path())) {
                    List<TensorInfo> tensors =
                            c.parts().containsKey(part)
                                    ? List.copyOf(c.part(part).tensors().values())
                                    : List.of();
                    if (i == 0) {
                        known = Set.copyOf(tensors.stream().map(TensorInfo::name).toList());
                        continue;
                    }
                    for (TensorInfo t : tensors) {
                        if (known.contains(t.name())) {
                            continue;
                        }
                        Seen before = extra.putIfAbsent(t.name(), new Seen(ingredient.name(), t));
                        if (before != null && !before.tensor.sameKind(t)) {
                            throw new SoupException(
                                    soup
                                            + " cannot be made again: tensor '"
                                            + t.name()
                                            + "' is not in its first ingredient and differs in kind"
                                            + " between '"
                                            + before.ingredient
                                            + "' and '"
                                            + ingredient.name()
                                            + "', and its recipe does not say which of these came"
                                            + " before the other.");
                        }
                    }
                }
            }
        }
    }
}
