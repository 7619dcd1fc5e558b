package org.diffusionsoup.core.soup;

import java.nio.file.Path;
import org.diffusionsoup.core.Coefficient;

/**
 * One model that goes into a soup.
 *
 * @param name what the recipe calls it; no path, so that the soup's bytes do not depend on where
 *     the file lay
 * @param path a safetensors file or a diffusers folder
 * @param coefficient its k_i before normalisation
 */
public record SoupIngredient(String name, Path path, Coefficient coefficient) {
    /** An ingredient named as its file or folder. */
    public static SoupIngredient of(Path path, Coefficient coefficient) {
        Path last = path.toAbsolutePath().normalize().getFileName();
        return new SoupIngredient(last == null ? "" : last.toString(), path, coefficient);
    }

    /** An ingredient of a uniform soup. */
    public static SoupIngredient of(Path path) {
        return of(path, Coefficient.ONE);
    }
}
