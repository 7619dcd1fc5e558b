package org.diffusionsoup.diffusion.text;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * A byte-pair vocabulary in CLIP's order: 256 bytes, the same 256 at a word's end, the merges, then
 * {@code <|startoftext|>} and, with the highest id, {@code <|endoftext|>}.
 */
public final class BpeVocabulary {
    /** The most merges that CLIP's tokenizer reads from its file. */
    public static final int MAXIMUM_MERGES = 49152 - 256 - 2;

    private final List<BytePairEncoder.Pair> merges;

    BpeVocabulary(List<BytePairEncoder.Pair> merges) {
        this.merges = List.copyOf(merges);
    }

    /**
     * @return number of tokens: 514 plus the merges
     */
    public int size() {
        return 512 + merges.size() + 2;
    }

    /**
     * @return number of merges learnt
     */
    public int merges() {
        return merges.size();
    }

    /**
     * Writes a tokenizer folder that {@link ClipTokenizer#load(Path)} and Hugging Face's
     * CLIPTokenizer read: {@code vocab.json}, {@code merges.txt}, {@code tokenizer_config.json} and
     * {@code special_tokens_map.json}. The same vocabulary gives the same bytes.
     *
     * @param folder is made if missing; the four files in it are replaced, others stay
     * @param modelMaxLength number of ids of a padded text, at least 2
     * @throws TokenizerException if the folder cannot be written
     * @throws IllegalArgumentException if {@code modelMaxLength} is below 2
     */
    public void write(Path folder, int modelMaxLength) {
        if (modelMaxLength < 2) {
            throw new IllegalArgumentException(
                    "A text of "
                            + modelMaxLength
                            + " ids has no room for the start and end tokens: give 2 or more.");
        }
        try {
            Files.createDirectories(folder);
            replace(folder.resolve(TokenizerFolder.VOCABULARY), vocabularyJson());
            replace(folder.resolve(TokenizerFolder.MERGES), mergesText());
            replace(folder.resolve(TokenizerFolder.CONFIG), configJson(modelMaxLength));
            replace(folder.resolve(TokenizerFolder.SPECIAL_TOKENS), specialTokensJson());
        } catch (IOException e) {
            throw new TokenizerException(
                    "The tokenizer cannot be written to " + folder + " (" + e.getMessage() + ").",
                    e);
        }
    }

    private static void replace(Path file, String text) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            Files.writeString(part, text);
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private String vocabularyJson() throws IOException {
        ObjectNode json = JsonConfig.object();
        for (String symbol : ByteAlphabet.symbols()) {
            json.put(symbol, json.size());
        }
        for (String symbol : ByteAlphabet.symbols()) {
            json.put(symbol + BytePairEncoder.END_OF_WORD, json.size());
        }
        for (BytePairEncoder.Pair pair : merges) {
            json.put(pair.joined(), json.size());
        }
        json.put(TextCleaning.START_OF_TEXT, json.size());
        json.put(TextCleaning.END_OF_TEXT, json.size());
        return JsonConfig.MAPPER.writeValueAsString(json);
    }

    private String mergesText() {
        StringBuilder text = new StringBuilder("#version: 0.2\n");
        for (BytePairEncoder.Pair pair : merges) {
            text.append(pair.left()).append(' ').append(pair.right()).append('\n');
        }
        return text.toString();
    }

    private static String configJson(int modelMaxLength) throws IOException {
        ObjectNode json = JsonConfig.object();
        json.put("add_prefix_space", false);
        json.set("bos_token", addedToken(TextCleaning.START_OF_TEXT, true));
        json.put("do_lower_case", true);
        json.set("eos_token", addedToken(TextCleaning.END_OF_TEXT, true));
        json.put("errors", "replace");
        json.put("model_max_length", modelMaxLength);
        json.put("pad_token", TextCleaning.END_OF_TEXT);
        json.put("tokenizer_class", "CLIPTokenizer");
        json.set("unk_token", addedToken(TextCleaning.END_OF_TEXT, true));
        return pretty(json);
    }

    private static String specialTokensJson() throws IOException {
        ObjectNode json = JsonConfig.object();
        json.set("bos_token", addedToken(TextCleaning.START_OF_TEXT, false));
        json.set("eos_token", addedToken(TextCleaning.END_OF_TEXT, false));
        json.put("pad_token", TextCleaning.END_OF_TEXT);
        json.set("unk_token", addedToken(TextCleaning.END_OF_TEXT, false));
        return pretty(json);
    }

    private static ObjectNode addedToken(String content, boolean typed) {
        ObjectNode json = JsonConfig.object();
        if (typed) {
            json.put("__type", "AddedToken");
        }
        json.put("content", content);
        json.put("lstrip", false);
        json.put("normalized", true);
        json.put("rstrip", false);
        json.put("single_word", false);
        return json;
    }

    private static String pretty(ObjectNode json) throws IOException {
        String text = JsonConfig.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json);
        return text.replace(System.lineSeparator(), "\n") + "\n";
    }
}
