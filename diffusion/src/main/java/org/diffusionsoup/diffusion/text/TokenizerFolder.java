package org.diffusionsoup.diffusion.text;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * What a diffusers {@code tokenizer} folder says.
 *
 * @param vocabulary symbol to id
 * @param merges the merge list, best first
 * @param special special tokens to split a text at, with their ids
 * @param rules where these are cut out of a text; of a token that is not among them, everywhere
 * @param bos the start token
 * @param eos the end token
 * @param pad the padding token
 * @param unknown the token for symbols outside the vocabulary
 * @param modelMaxLength number of ids of a padded text
 * @param padsLeft whether padding stands before a text, not after it
 */
record TokenizerFolder(
        Map<String, Integer> vocabulary,
        List<BytePairEncoder.Pair> merges,
        Map<String, Integer> special,
        Map<String, SplitRule> rules,
        String bos,
        String eos,
        String pad,
        String unknown,
        int modelMaxLength,
        boolean padsLeft) {

    static final String VOCABULARY = "vocab.json";
    static final String MERGES = "merges.txt";
    static final String CONFIG = "tokenizer_config.json";
    static final String SPECIAL_TOKENS = "special_tokens_map.json";

    private static final String LEFT = "left";
    private static final String RIGHT = "right";

    /** The length CLIP's text encoders were built for; used where the folder states none. */
    static final int CLIP_LENGTH = 77;

    /** CLIP ignores merges beyond this number; its published file holds more. */
    private static final int MERGE_LIMIT = BpeVocabulary.MAXIMUM_MERGES;

    /** Most ids of a padded text. */
    private static final int LONGEST = 1 << 16;

    /** From here on, transformers means that there is no limit. */
    private static final double NO_LIMIT = 1e9;

    /** Most bytes of a file, unpacked; published ones have below 2 MB. */
    private static final int MOST_BYTES = 64 << 20;

    static TokenizerFolder read(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new TokenizerException(
                    "There is no tokenizer folder "
                            + folder
                            + ": give the folder that holds vocab.json and merges.txt.");
        }
        Map<String, Integer> vocabulary = readVocabulary(folder);
        List<BytePairEncoder.Pair> merges = readMerges(folder);
        ObjectNode config = readObject(folder.resolve(CONFIG));
        List<ObjectNode> told = told(folder, config);
        String bos = token(told, "bos_token", TextCleaning.START_OF_TEXT);
        String eos = token(told, "eos_token", TextCleaning.END_OF_TEXT);
        String unknown = token(told, "unk_token", TextCleaning.END_OF_TEXT);
        String pad = token(told, "pad_token", TextCleaning.END_OF_TEXT);
        checkOrder(folder, vocabulary, merges);
        AddedTokens added = AddedTokens.read(folder, config);
        Map<String, Integer> special = new LinkedHashMap<>(added.ids());
        Set<String> wanted = new LinkedHashSet<>(List.of(bos, eos, unknown, pad));
        for (ObjectNode node : told) {
            node.path(AddedTokens.ADDITIONAL).forEach(extra -> wanted.add(content(extra)));
        }
        for (String token : wanted) {
            if (!token.isEmpty() && !special.containsKey(token)) {
                special.put(token, idOfSpecial(token, vocabulary, special));
            }
        }
        requireRightEnd(config, folder.resolve(CONFIG));
        return new TokenizerFolder(
                vocabulary,
                merges,
                special,
                added.rules(told),
                bos,
                eos,
                pad,
                unknown,
                modelMaxLength(config, folder.resolve(CONFIG)),
                padsLeft(config, folder.resolve(CONFIG)));
    }

    /**
     * What names the special tokens, that which goes first first. transformers' {@code
     * PreTrainedTokenizerBase._from_pretrained} ({@code tokenization_utils_base.py}) lets {@code
     * special_tokens_map.json} have its way over {@code tokenizer_config.json}: versions up to 4.33
     * set its tokens after the tokenizer is made of the configuration, later ones (seen up to 4.5x)
     * put them over the configuration's, unless that has an {@code added_tokens_decoder}, which
     * only these versions write; then they do not read the map at all. So Stable Diffusion 2.x,
     * whose map says {@code !} for {@code pad_token}, is padded with that whatever its
     * configuration says.
     */
    private static List<ObjectNode> told(Path folder, ObjectNode config) {
        return config.has(AddedTokens.DECODER)
                ? List.of(config)
                : List.of(readObject(folder.resolve(SPECIAL_TOKENS)), config);
    }

    /** The id of one of the special tokens. */
    int specialId(String token) {
        return Objects.requireNonNull(special.get(token), token);
    }

    private static int idOfSpecial(
            String token, Map<String, Integer> vocabulary, Map<String, Integer> special) {
        Integer known = vocabulary.get(token);
        if (known != null) {
            return known;
        }
        // As in transformers: a special token outside the vocabulary takes the next free id.
        int next = 0;
        for (int id : vocabulary.values()) {
            next = Math.max(next, id + 1);
        }
        for (int id : special.values()) {
            next = Math.max(next, id + 1);
        }
        return next;
    }

    private static String token(List<ObjectNode> told, String key, String fallback) {
        for (ObjectNode node : told) {
            String stated = content(node.path(key));
            if (!stated.isEmpty()) {
                return stated;
            }
        }
        return fallback;
    }

    /** On which side short texts are filled up: {@code padding_side}, by default on the right. */
    private static boolean padsLeft(ObjectNode config, Path file) {
        return side(config, "padding_side", file).equals(LEFT);
    }

    /** Which end of a long text is cut off is told in prompts' notes, so that it must be this. */
    private static void requireRightEnd(ObjectNode config, Path file) {
        if (side(config, "truncation_side", file).equals(LEFT)) {
            throw new TokenizerException(
                    file
                            + ": truncation_side is \"left\", and long texts are cut at their end here: take it out, or set it to \"right\".");
        }
    }

    private static String side(ObjectNode config, String key, Path file) {
        JsonNode stated = config.path(key);
        if (stated.isMissingNode() || stated.isNull()) {
            return RIGHT;
        }
        if (!stated.asText().equals(LEFT) && !stated.asText().equals(RIGHT)) {
            throw new TokenizerException(
                    "%s: %s is %s, it must be \"right\" or \"left\".".formatted(file, key, stated));
        }
        return stated.asText();
    }

    /** A token is written either as a string or as an AddedToken object. */
    static String content(JsonNode node) {
        return node.isObject() ? node.path("content").asText("") : node.asText("");
    }

    private static int modelMaxLength(ObjectNode config, Path file) {
        JsonNode stated = config.path("model_max_length");
        // transformers writes 1e30 for "no limit", which no CLIP text encoder can take.
        if (stated.isMissingNode() || stated.isNull() || stated.asDouble() > NO_LIMIT) {
            return CLIP_LENGTH;
        }
        if (!stated.isInt() || stated.asInt() < 2 || stated.asInt() > LONGEST) {
            throw new TokenizerException(
                    "%s: model_max_length is %s, it must be 2 to %d"
                            .formatted(file, stated, LONGEST));
        }
        return stated.asInt();
    }

    private static Map<String, Integer> readVocabulary(Path folder) {
        Path file = plainOrZipped(folder, VOCABULARY);
        ObjectNode json = parseObject(file, readText(file));
        Map<String, Integer> vocabulary = HashMap.newHashMap(json.size());
        Set<Integer> ids = HashSet.newHashSet(json.size());
        for (Map.Entry<String, JsonNode> entry : json.properties()) {
            JsonNode id = entry.getValue();
            if (!id.isInt() || id.asInt() < 0 || !ids.add(id.asInt())) {
                throw new TokenizerException(
                        file
                                + " gives the token \""
                                + entry.getKey()
                                + "\" the id "
                                + id
                                + ": ids must be whole numbers from 0, each used once.");
            }
            vocabulary.put(entry.getKey(), id.asInt());
        }
        return vocabulary;
    }

    private static List<BytePairEncoder.Pair> readMerges(Path folder) {
        Path file = plainOrZipped(folder, MERGES);
        String[] lines = readText(file).replace("\r\n", "\n").split("\n");
        List<BytePairEncoder.Pair> merges = new ArrayList<>(lines.length);
        // The first line is the "#version" header, whatever it says.
        for (int i = 1; i < lines.length && merges.size() < MERGE_LIMIT; i++) {
            if (lines[i].isEmpty()) {
                continue;
            }
            String[] pair = lines[i].split(" ");
            if (pair.length != 2 || pair[0].isEmpty()) {
                throw new TokenizerException(
                        "Line "
                                + (i + 1)
                                + " of "
                                + file
                                + " must hold two symbols with a space between, but is \""
                                + lines[i]
                                + "\".");
            }
            merges.add(new BytePairEncoder.Pair(pair[0], pair[1]));
        }
        return merges;
    }

    /**
     * Merges give other tokens in another order, so the order that the vocabulary's ids remember
     * must be theirs.
     */
    private static void checkOrder(
            Path folder, Map<String, Integer> vocabulary, List<BytePairEncoder.Pair> merges) {
        Path file = plainOrZipped(folder, MERGES);
        Set<String> made = HashSet.newHashSet(merges.size());
        int before = -1;
        for (BytePairEncoder.Pair pair : merges) {
            String joined = pair.joined();
            Integer id = vocabulary.get(joined);
            if (id == null) {
                throw new TokenizerException(
                        "%s merges \"%s %s\", but vocab.json has no token \"%s\": copy both files from the same model."
                                .formatted(file, pair.left(), pair.right(), joined));
            }
            if (!made.add(joined)) {
                continue;
            }
            if (id < before) {
                throw new TokenizerException(
                        "%s is not in the order of vocab.json: the merge of \"%s\" (id %d) stands after that of id %d; copy both files from the same model."
                                .formatted(file, joined, id, before));
            }
            before = id;
        }
        // Besides what merges make, a vocabulary holds bytes, and a few special tokens.
        long rest =
                vocabulary.keySet().stream()
                        .filter(t -> !made.contains(t) && !t.startsWith("<|"))
                        .filter(t -> t.replace(BytePairEncoder.END_OF_WORD, "").length() > 1)
                        .count();
        if (rest > made.size()) {
            throw new TokenizerException(
                    "%s holds %d merges, but vocab.json has %d tokens that no merge makes: copy both files from the same model."
                            .formatted(file, merges.size(), rest));
        }
    }

    private static Path plainOrZipped(Path folder, String name) {
        Path plain = folder.resolve(name);
        Path zipped = folder.resolve(name + ".gz");
        if (Files.isRegularFile(plain)) {
            return plain;
        }
        if (Files.isRegularFile(zipped)) {
            return zipped;
        }
        throw new TokenizerException(
                "The tokenizer folder "
                        + folder
                        + " has neither "
                        + name
                        + " nor "
                        + name
                        + ".gz: copy it from the model's own tokenizer folder.");
    }

    private static String readText(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            boolean zipped = file.getFileName().toString().endsWith(".gz");
            byte[] bytes =
                    zipped
                            ? new GZIPInputStream(in).readNBytes(MOST_BYTES + 1)
                            : in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw new TokenizerException(
                        file + " is no tokenizer's: it has more than " + MOST_BYTES + " bytes.");
            }
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new TokenizerException(file + " is not UTF-8 text: copy it again.", e);
        } catch (IOException e) {
            throw new TokenizerException(
                    file + " cannot be read (" + e.getMessage() + "): copy it again.", e);
        }
    }

    /** The object in an optional file; empty where the file is missing. */
    static ObjectNode readObject(Path file) {
        return Files.isRegularFile(file) ? parseObject(file, readText(file)) : JsonConfig.object();
    }

    private static ObjectNode parseObject(Path file, String text) {
        try {
            if (JsonConfig.MAPPER.readTree(text) instanceof ObjectNode object) {
                return object;
            }
        } catch (JacksonException e) {
            throw new TokenizerException(
                    file + " is not valid JSON (" + e.getOriginalMessage() + "): copy it again.",
                    e);
        }
        throw new TokenizerException(file + " must hold a JSON object.");
    }
}
