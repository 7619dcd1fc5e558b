package org.diffusionsoup.workbench.merge;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.method.MergeRecipe;
import org.diffusionsoup.core.method.RecipeReader;
import org.jspecify.annotations.Nullable;

/** Merge recipes written in YAML (docs/recipes.md); JSON is YAML, too. */
public final class YamlRecipes {
    private static final YAMLFactory YAML = new YAMLFactory();

    private YamlRecipes() {}

    /**
     * Reads a recipe; its inputs' relative paths start from the folder it lies in.
     *
     * @throws org.diffusionsoup.core.method.RecipeException if it is no recipe; names the line
     * @throws SoupIoException if it cannot be read
     */
    public static MergeRecipe read(Path file) {
        Path parent = file.toAbsolutePath().normalize().getParent();
        if (parent == null) {
            throw new SoupException(file + " is no file.");
        }
        byte[] text;
        try {
            text = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        try (JsonParser parser = new NoAliases(YAML.createParser(text))) {
            return RecipeReader.read(parser, file.toString(), parent);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Refuses {@code *alias}: to a reader that does not know YAML's references it would look like
     * the name of an input.
     */
    private static final class NoAliases extends JsonParserDelegate {
        private final YAMLParser yaml;

        NoAliases(YAMLParser yaml) {
            super(yaml);
            this.yaml = yaml;
        }

        @Override
        public @Nullable JsonToken nextToken() throws IOException {
            JsonToken token = super.nextToken();
            if (token != null && yaml.isCurrentAlias()) {
                throw new JsonParseException(
                        this,
                        "recipes have no aliases, write the value out",
                        currentTokenLocation());
            }
            return token;
        }
    }
}
