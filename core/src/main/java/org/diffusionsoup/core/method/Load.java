package org.diffusionsoup.core.method;

import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.method.tensor.TensorScope;
import org.diffusionsoup.core.method.tensor.Values;

/**
 * The weights of a checkpoint.
 *
 * @param input its name in the recipe
 */
public record Load(String input) implements WeightExpr {
    public Load {
        checkName(input);
    }

    public static void checkName(String input) {
        if (!input.matches("[\\p{L}\\p{N}_][\\p{L}\\p{N}_. +-]{0,199}")) {
            throw new SoupException(
                    "'" + input + "' is no name of an input; use letters, digits, '_', '.', '-'.");
        }
    }

    Values plan(TensorScope scope) {
        int index = scope.index(input);
        return (w, out) -> w.load(index, out);
    }
}
