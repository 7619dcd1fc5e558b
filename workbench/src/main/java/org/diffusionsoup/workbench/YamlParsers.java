package org.diffusionsoup.workbench;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Pipes;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;

/**
 * Parsers of the YAML that people write. A text may be as long as 256 MiB, and is read in one pass;
 * aliases, which let a few lines stand for billions, are refused.
 */
public final class YamlParsers {
    /** Longest text in bytes. */
    private static final int MOST_BYTES = 256 << 20;

    private static final Pattern TWICE = Pattern.compile("^Duplicate field '(.*)'", Pattern.DOTALL);

    private static final YAMLFactory YAML =
            YAMLFactory.builder()
                    .loaderOptions(options())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build();

    private YamlParsers() {}

    private static LoaderOptions options() {
        LoaderOptions options = new LoaderOptions();
        // The default, 3 million characters, refuses honest recipes with a weight per block.
        options.setCodePointLimit(MOST_BYTES);
        return options;
    }

    /**
     * A parser at the start of a file.
     *
     * @throws SoupIoException if it cannot be read
     * @throws SoupException if it is longer than 256 MiB
     */
    public static JsonParser open(Path file) {
        try {
            Pipes.refuse(file);
            if (Files.isRegularFile(file) && Files.size(file) > MOST_BYTES) {
                throw new SoupException(
                        file + " is no recipe: it has more than " + MOST_BYTES + " bytes.");
            }
            return new NoAliases(YAML.createParser(Files.readAllBytes(file)));
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
            JsonToken token;
            try {
                token = super.nextToken();
            } catch (JsonParseException e) {
                throw new JsonParseException(this, problem(e), e.getLocation(), e);
            }
            if (token != null && yaml.isCurrentAlias()) {
                throw new JsonParseException(
                        this,
                        "recipes have no aliases, write the value out",
                        currentTokenLocation());
            }
            return token;
        }

        /** What is wrong, in the words of YAML and not of the classes that read it. */
        private static String problem(JsonParseException e) {
            String message = String.valueOf(e.getOriginalMessage());
            Matcher twice = TWICE.matcher(message);
            if (twice.find()) {
                return "the key '" + twice.group(1) + "' stands there twice";
            }
            if (message.startsWith("Expected a field name")) {
                return "a key has to be a plain word";
            }
            // The reader quotes the place with a picture of the line after this.
            return "this is no YAML: "
                    + message.lines()
                            .takeWhile(line -> !line.startsWith(" in "))
                            .map(String::strip)
                            .collect(Collectors.joining(" "));
        }

        // The delegate would pass these to the parser below, past the check above.

        @Override
        public @Nullable String nextFieldName() throws IOException {
            return nextToken() == JsonToken.FIELD_NAME ? currentName() : null;
        }

        @Override
        public @Nullable String nextTextValue() throws IOException {
            return nextToken() == JsonToken.VALUE_STRING ? getText() : null;
        }
    }
}
