package org.diffusionsoup.core.method;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupException;

/**
 * What is merged, and how.
 *
 * @param inputs checkpoints by the names that the tree and the output's header call them;
 *     unmodifiable
 * @param merge the output
 */
public record MergeRecipe(SequencedMap<String, Path> inputs, WeightExpr merge) {
    /**
     * @throws SoupException if the tree uses a name that is no input, or an input is not used, or
     *     one is both weights and Fisher values
     */
    public MergeRecipe {
        inputs = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(inputs));
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

    /** Names of the inputs that hold Fisher values. */
    public SequencedSet<String> fishers() {
        return Trees.fishers(merge);
    }

    /** The same merge of checkpoints that lie elsewhere. */
    public MergeRecipe withInputs(SequencedMap<String, Path> others) {
        return new MergeRecipe(others, merge);
    }

    /** The tree as canonical JSON; of equal trees equal. */
    public String json() {
        return RecipeWriter.tree(merge, n -> n);
    }
}
