package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import java.util.List;

/**
 * A soup that was made.
 *
 * @param output the file or folder written
 * @param ingredients what went in, in the recipe's order, with normalised coefficients
 * @param files number of weight files averaged
 * @param tensors number of tensors written
 * @param parameters number of averaged elements
 * @param bytes size of the tensors written
 * @param note what the caller may not expect: why a wanted sum was not kept, which components that
 *     its pipeline needs the soup lacks; empty otherwise
 * @param copied which tensors are one ingredient's alone and no mean, as a policy asked for, in a
 *     sentence; empty where there are none
 */
public record Soup(
        Path output,
        List<SoupIngredient> ingredients,
        int files,
        long tensors,
        long parameters,
        long bytes,
        String note,
        String copied) {
    public Soup {
        ingredients = List.copyOf(ingredients);
    }
}
