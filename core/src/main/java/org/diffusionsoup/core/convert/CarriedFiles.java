package org.diffusionsoup.core.convert;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.diffusionsoup.core.DiffusersFolder;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * A folder's configurations inside a single file's header, so that the way back restores what
 * shapes do not tell. CLIP's own vocabulary is left out: it is shipped.
 */
final class CarriedFiles {
    /** The header's entry: a JSON object of paths to texts. */
    static final String KEY = "diffusers.files";

    private static final int LARGEST = 2 << 20;

    /** Nothing else is taken from a header, which anyone may have written. */
    private static final Pattern ALLOWED =
            Pattern.compile(
                    "(unet|vae|text_encoder|text_encoder_2)/config\\.json"
                            + "|scheduler/scheduler_config\\.json"
                            + "|(tokenizer|tokenizer_2)/(vocab\\.json|merges\\.txt"
                            + "|special_tokens_map\\.json|tokenizer_config\\.json"
                            + "|tokenizer\\.json|added_tokens\\.json)");

    private CarriedFiles() {}

    /** The entry for a folder. */
    static String of(DiffusersFolder folder) {
        Map<String, Object> files = new TreeMap<>();
        for (String name : folder.otherFiles()) {
            Path file = folder.path().resolve(name);
            if (ALLOWED.matcher(name).matches()) {
                try {
                    byte[] content = Files.size(file) > LARGEST ? new byte[0] : read(file);
                    if (content.length > 0 && !isShipped(name, content)) {
                        files.put(name, new String(content, StandardCharsets.UTF_8));
                    }
                } catch (IOException e) {
                    throw new SoupIoException("read", file, e);
                }
            }
        }
        return Configs.json(files);
    }

    private static byte[] read(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        byte[] again = new String(content, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
        return Arrays.equals(content, again) ? content : new byte[0];
    }

    private static boolean isShipped(String name, byte[] content) {
        String file = name.substring(name.indexOf('/') + 1);
        return (file.equals(TokenizerFiles.VOCABULARY) || file.equals(TokenizerFiles.MERGES))
                && Arrays.equals(content, TokenizerFiles.shipped(file));
    }

    /**
     * The files of a header, by path relative to the folder; empty if it carries none.
     *
     * @throws SoupException if the entry is malformed
     */
    static Map<String, byte[]> from(Path file, Map<String, String> metadata) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        String text = metadata.get(KEY);
        if (text == null) {
            return files;
        }
        try (JsonParser p = new JsonFactory().createParser(text)) {
            boolean good = p.nextToken() == JsonToken.START_OBJECT;
            while (good && p.nextToken() == JsonToken.FIELD_NAME) {
                String name = p.currentName();
                good = p.nextToken() == JsonToken.VALUE_STRING;
                if (good && ALLOWED.matcher(name).matches()) {
                    files.put(name, p.getText().getBytes(StandardCharsets.UTF_8));
                }
            }
            if (good && p.currentToken() == JsonToken.END_OBJECT) {
                return files;
            }
        } catch (IOException e) {
            throw new SoupException(malformed(file), e);
        }
        throw new SoupException(malformed(file));
    }

    private static String malformed(Path file) {
        return "The header entry '" + KEY + "' of " + file + " is not an object of texts.";
    }
}
