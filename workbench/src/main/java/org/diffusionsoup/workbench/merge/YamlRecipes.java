package org.diffusionsoup.workbench.merge;

import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.recipe.RecipeReader;
import org.diffusionsoup.workbench.YamlParsers;

/** Merge recipes written in YAML (docs/recipes.md); JSON is YAML, too. */
public final class YamlRecipes {
    private YamlRecipes() {}

    /**
     * Reads a recipe; its inputs' relative paths start from the folder it lies in.
     *
     * @throws org.diffusionsoup.core.method.recipe.RecipeException if it is no recipe; names the
     *     line
     * @throws SoupIoException if it cannot be read
     */
    public static MergeRecipe read(Path file) {
        Path parent = Objects.requireNonNullElse(file.getParent(), Path.of(""));
        try (JsonParser parser = YamlParsers.open(file)) {
            return RecipeReader.read(parser, file.toString(), parent);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
