package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.SchedulerClass;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/**
 * A folder's configurations inside a single file's header, so that the way back restores what
 * shapes do not tell. CLIP's own vocabulary is left out: it is shipped.
 */
final class CarriedFiles {
    /** The header's entry. */
    static final String KEY = CarriedConfigs.KEY;

    private static final int LARGEST = 2 << 20;

    /** Of a {@code tokenizer.json}, which repeats the vocabulary, where it alone adds tokens. */
    private static final int LARGEST_WITH_TOKENS = 16 << 20;

    private CarriedFiles() {}

    /** The entry for a folder. */
    static String of(DiffusersFolder folder) {
        Map<String, Object> files = new TreeMap<>();
        for (String name : folder.otherFiles()) {
            Path file = folder.path().resolve(name);
            if (CarriedConfigs.isCarried(name)) {
                try {
                    long largest = addsTokens(file) ? LARGEST_WITH_TOKENS : LARGEST;
                    byte[] content =
                            Files.size(file) > largest
                                    ? new byte[0]
                                    : read(
                                            name.equals(CarriedConfigs.SCHEDULER)
                                                    // a single file has no index to name it
                                                    ? SchedulerClass.settings(folder.path())
                                                    : Files.readAllBytes(file));
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

    /**
     * Whether a file is a fast tokenizer's whose added tokens stand nowhere else: neither in the
     * vocabulary nor in {@code tokenizer_config.json}.
     */
    private static boolean addsTokens(Path file) throws IOException {
        if (!file.endsWith("tokenizer.json")
                || Files.size(file) <= LARGEST
                || Files.size(file) > LARGEST_WITH_TOKENS) {
            return false;
        }
        Path config = file.resolveSibling("tokenizer_config.json");
        Path vocabulary = file.resolveSibling(TokenizerFiles.VOCABULARY);
        if (!Files.isRegularFile(vocabulary)
                || (Files.isRegularFile(config)
                        && JsonValue.readObject(config)
                                .fields()
                                .containsKey("added_tokens_decoder"))) {
            return false;
        }
        Set<String> known = JsonValue.readObject(vocabulary).fields().keySet();
        return JsonValue.readObject(file).fields().get("added_tokens")
                        instanceof JsonArray(List<JsonValue> added)
                && added.stream()
                        .anyMatch(t ->
                                t instanceof JsonObject o
                                        && o.string("content")
                                                .filter(c -> !known.contains(c))
                                                .isPresent());
    }

    /** The content if it is text, otherwise nothing. */
    private static byte[] read(byte[] content) {
        byte[] again = new String(content, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
        return Arrays.equals(content, again) ? content : new byte[0];
    }

    private static boolean isShipped(String name, byte[] content) {
        String file = name.substring(name.indexOf('/') + 1);
        return (file.equals(TokenizerFiles.VOCABULARY) || file.equals(TokenizerFiles.MERGES))
                && Arrays.equals(content, TokenizerFiles.shipped(file));
    }
}
