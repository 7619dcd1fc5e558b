package org.diffusionsoup.core.soup;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.mismatch.IncompatibleIngredientsException;
import org.diffusionsoup.core.mismatch.IntegerTensors;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnDtype;
import org.diffusionsoup.core.mismatch.Mismatches;
import org.diffusionsoup.core.soup.KeptSum.Member;
import org.diffusionsoup.core.tensor.TensorInfo;

/**
 * Refuses to adjust where averaging afresh would refuse, or call tensors otherwise: what is
 * adjusted is what averaging would make.
 */
final class AdjustedAlike {
    private final Checkpoint soup;
    private final KeptSum kept;
    private final Set<String> averaged;
    private final SortedSet<String> components;
    private final MismatchPolicy policy;

    /**
     * @param averaged the parts that the sum has
     */
    AdjustedAlike(Checkpoint soup, KeptSum kept, Set<String> averaged) {
        this.soup = soup;
        this.kept = kept;
        this.averaged = averaged;
        this.components = IngredientTraits.components(kept.options());
        // The soup's dtype is then not that of its ingredients, which is looked at below.
        this.policy =
                isOfOtherDtype()
                        ? MismatchPolicy.REFUSE.withDtype(OnDtype.CONVERT)
                        : MismatchPolicy.REFUSE;
    }

    private boolean isOfOtherDtype() {
        return kept.options().containsKey(SoupRecipe.DTYPE);
    }

    /** Ingredients under the soup's names, as they were averaged under them. */
    List<Ingredient> named(List<Ingredient> ingredients) {
        List<Ingredient> named = new ArrayList<>();
        for (Ingredient i : ingredients) {
            named.add(
                    compared(i).isRefused()
                            ? i.as(TensorNames.agreeing(List.of(soup, i.original())).getLast())
                            : i);
        }
        return named;
    }

    private Mismatches compared(Ingredient i) {
        return Mismatches.between(soup, List.of(i.checkpoint()), policy, components);
    }

    /**
     * Checks who is to be in the soup.
     *
     * @param added those that come, under the soup's names
     * @param members all, with those that come
     * @throws SoupException if averaging them would be refused, or give other names of tensors
     */
    void check(List<Ingredient> added, List<Member> members) {
        for (Ingredient i : added) {
            if (compared(i.as(i.original()))
                    .isRefused()) { // averaged under today's names, if at all
                Checkpoint today = TensorNames.agreeing(List.of(soup, i.original())).getFirst();
                averaged.forEach(part -> checkNames(part, tensors(today, part)));
            }
            checkAlike(i);
            averaged.forEach(part -> checkIntegers(i, part));
            if (isOfOtherDtype()) {
                averaged.forEach(part -> checkDtypes(i, part));
            }
        }
        for (String part : averaged) {
            TreeSet<String> kinds = new TreeSet<>();
            members.forEach(m -> kinds.add(m.traits().tensors().getOrDefault(part, "")));
            if (kinds.size() == 1 && !kinds.first().isEmpty()) {
                checkNames(part, kinds.first());
            }
        }
    }

    private static String tensors(Checkpoint of, String part) {
        return IngredientTraits.tensors(of.part(part).tensors().values());
    }

    /** Those who differ in names are averaged under today's, and those who agree under theirs. */
    private void checkNames(String part, String afresh) {
        if (!afresh.equals(tensors(soup, part))) {
            throw new SoupException(
                    "%s calls its tensors otherwise than averaging those that are to be in it would: some ingredients have names of an earlier version of the libraries, and others today's; average them again with `keepSum`."
                            .formatted(soup.part(part).path()));
        }
    }

    private void checkAlike(Ingredient i) {
        try {
            compared(i).plan();
        } catch (IncompatibleIngredientsException e) {
            throw new IncompatibleIngredientsException(
                    soup.path(),
                    i.what().path(),
                    e.differences(),
                    "average all afresh with soup merge, which says what it can do about it.");
        }
    }

    private void checkIntegers(Ingredient i, String part) {
        for (TensorInfo t : soup.part(part).tensors().values()) {
            if (!t.dtype().isFloat()
                    && !IntegerTensors.same(
                            soup.part(part), i.part(part), t.name(), t.byteSize())) {
                throw new SoupException(
                        "Tensor '%s' is %s and differs between %s and %s; such tensors are copied when equal and cannot be averaged."
                                .formatted(t.name(), t.dtype(), soup.path(), i.what().path()));
            }
        }
    }

    /** Of a soup that was stored as another dtype, the sum tells those of its ingredients. */
    private void checkDtypes(Ingredient i, String part) {
        String own = IngredientTraits.of(i, averaged).dtypes().getOrDefault(part, "");
        for (Member m : kept.members()) {
            String its = m.traits().dtypes().getOrDefault(part, own);
            if (!its.equals(own)) {
                throw new SoupException(
                        "The tensors of %s are %s, and those of the soup's ingredients %s; average all afresh with soup merge, with `onDtype` convert."
                                .formatted(i.part(part).path(), own, its));
            }
        }
    }
}
