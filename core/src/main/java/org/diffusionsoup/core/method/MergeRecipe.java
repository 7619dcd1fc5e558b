package org.diffusionsoup.core.method;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.mismatch.MismatchPolicy;
import org.diffusionsoup.core.mismatch.MismatchPolicy.OnExtra;

/**
 * What is merged, and how.
 *
 * @param inputs checkpoints by the names that the tree and the output's header call them;
 *     unmodifiable
 * @param merge the output
 * @param policy what is to become of weights that are not alike, compared with the first of them
 *     from the root down, whose layout the output has
 */
public record MergeRecipe(
        SequencedMap<String, Path> inputs, WeightExpr merge, MismatchPolicy policy) {
    /** A merge of weights that have to be alike. */
    public MergeRecipe(SequencedMap<String, Path> inputs, WeightExpr merge) {
        this(inputs, merge, MismatchPolicy.REFUSE);
    }

    /**
     * @throws SoupException if the tree uses a name that is no input, or an input is not used, or
     *     one is both weights and Fisher values, or the policy keeps what the first lacks, for
     *     which there is no layout
     */
    public MergeRecipe {
        inputs = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(inputs));
        if (policy.extra() == OnExtra.KEEP) {
            throw new SoupException(
                    "on_extra of a recipe is refuse or drop: what is merged has the tensors of the"
                            + " first weights.");
        }
        SequencedSet<String> used = Trees.weights(merge);
        for (String fisher : Trees.fishers(merge)) {
            if (!used.add(fisher) && Trees.weights(merge).contains(fisher)) {
                throw new SoupException(
                        "Input '" + fisher + "' is used as weights and as Fisher values.");
            }
        }
        for (String name : used) {
            if (!inputs.containsKey(name)) {
                throw new SoupException(
                        "The recipe uses '"
                                + name
                                + "', which is none of its inputs "
                                + new TreeSet<>(inputs.keySet())
                                + ".");
            }
        }
        for (String name : inputs.keySet()) {
            if (!used.contains(name)) {
                throw new SoupException(
                        "Input '" + name + "' is not used by the recipe; leave it out.");
            }
        }
    }

    /** Names of the inputs that hold weights, in the order the tree meets them. */
    public SequencedSet<String> weights() {
        return Trees.weights(merge);
    }

    /**
     * Names of the inputs that are terms of a mean by themselves, as often as they are, of each
     * mean in the tree.
     */
    public List<List<String>> means() {
        return Trees.means(merge);
    }

    /** Names of the inputs that hold Fisher values. */
    public SequencedSet<String> fishers() {
        return Trees.fishers(merge);
    }

    /** The same merge of checkpoints that lie elsewhere. */
    public MergeRecipe withInputs(SequencedMap<String, Path> others) {
        return new MergeRecipe(others, merge, policy);
    }

    /** The same with another policy. */
    public MergeRecipe withPolicy(MismatchPolicy other) {
        return new MergeRecipe(inputs, merge, other);
    }

    /** The tree as JSON in one fixed form; of equal trees equal. */
    public String json() {
        return RecipeWriter.tree(merge, n -> n);
    }
}
