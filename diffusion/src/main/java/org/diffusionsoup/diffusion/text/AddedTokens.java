package org.diffusionsoup.diffusion.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import org.diffusionsoup.diffusion.nn.JsonConfig;

/**
 * Tokens that were added to a vocabulary after it was made, such as those of a textual inversion
 * that was saved with its model. Where they stand depends on which transformers wrote them; it is
 * read as {@code PreTrainedTokenizerBase._from_pretrained} reads it ({@code
 * tokenization_utils_base.py} of transformers 4.34 and later):
 *
 * <ol>
 *   <li>{@code added_tokens_decoder} of {@code tokenizer_config.json}: ids to tokens, written from
 *       4.34 on. Where it is there, it says everything.
 *   <li>otherwise {@code added_tokens.json}, tokens to ids, the only place where versions before
 *       4.34 wrote them, and {@code added_tokens} of the fast tokenizer's {@code tokenizer.json}
 * </ol>
 */
public final class AddedTokens {
    /** The field of {@code tokenizer_config.json}. */
    static final String DECODER = "added_tokens_decoder";

    /** The file of slow tokenizers. */
    public static final String FILE = "added_tokens.json";

    /** The file of fast tokenizers. */
    public static final String FAST = "tokenizer.json";

    /** The field that names special tokens beyond those that every tokenizer has. */
    static final String ADDITIONAL = "additional_special_tokens";

    private static final List<String> SPECIAL =
            List.of("bos_token", "eos_token", "unk_token", "pad_token");

    private static final Pattern ID = Pattern.compile("[0-9]{1,9}");

    private final SequencedMap<String, Integer> ids = new LinkedHashMap<>();
    private final Map<Integer, String> tokens = new HashMap<>();
    private final Map<String, SplitRule> rules = new HashMap<>();

    private AddedTokens() {}

    /** Tokens to ids; those that the vocabulary has, too, may be among them. */
    SequencedMap<String, Integer> ids() {
        return ids;
    }

    /**
     * Where tokens are cut out of a text.
     *
     * @param told what names special tokens, that which goes first first; it has no say about
     *     tokens that were added
     */
    Map<String, SplitRule> rules(List<ObjectNode> told) {
        Map<String, SplitRule> all = new HashMap<>(rules);
        for (ObjectNode node : told) {
            for (String field : SPECIAL) {
                JsonNode token = node.path(field);
                all.putIfAbsent(TokenizerFolder.content(token), SplitRule.of(token));
            }
            for (JsonNode token : node.path(ADDITIONAL)) {
                all.putIfAbsent(TokenizerFolder.content(token), SplitRule.of(token));
            }
        }
        return all;
    }

    /**
     * Reads those of a tokenizer.
     *
     * @param folder of the tokenizer
     * @param config its {@code tokenizer_config.json}
     * @throws TokenizerException if a token has no text, an id is no whole number from 0, or a
     *     token or an id is given twice and not alike
     */
    static AddedTokens read(Path folder, ObjectNode config) {
        AddedTokens added = new AddedTokens();
        if (config.has(DECODER)) {
            String where = folder.resolve(TokenizerFolder.CONFIG) + ": " + DECODER;
            for (Map.Entry<String, JsonNode> e : config.path(DECODER).properties()) {
                added.add(where, e.getValue(), e.getKey());
            }
            return added;
        }
        Path file = folder.resolve(FILE);
        for (Map.Entry<String, JsonNode> e : TokenizerFolder.readObject(file).properties()) {
            added.add(file.toString(), TextNode.valueOf(e.getKey()), id(e.getValue()));
        }
        added.ofFast(folder);
        return added;
    }

    /**
     * The tokens that {@code tokenizer.json} alone adds to a tokenizer, as far as they decide
     * numbers.
     *
     * @param folder of the tokenizer
     * @return tokens to ids, or to an object with id and flags where a token is not cut out
     *     everywhere; empty where {@code tokenizer_config.json} lists the added tokens, and without
     *     those of {@code vocab.json}
     * @throws TokenizerException as reading the tokenizer would
     */
    public static ObjectNode onlyFast(Path folder) {
        ObjectNode found = JsonConfig.object();
        if (TokenizerFolder.readObject(folder.resolve(TokenizerFolder.CONFIG)).has(DECODER)) {
            return found;
        }
        AddedTokens added = new AddedTokens();
        added.ofFast(folder);
        ObjectNode vocabulary =
                TokenizerFolder.readObject(folder.resolve(TokenizerFolder.VOCABULARY));
        added.ids.forEach((token, id) -> {
            SplitRule rule = added.rules.getOrDefault(token, SplitRule.EVERYWHERE);
            if (rule.singleWord()) {
                found.putObject(token)
                        .put("id", id)
                        .put("single_word", true)
                        .put("lstrip", rule.stripsLeft())
                        .put("rstrip", rule.stripsRight());
            } else if (vocabulary.path(token).asInt(-1) != id) {
                found.put(token, id);
            }
        });
        return found;
    }

    private void ofFast(Path folder) {
        Path file = folder.resolve(FAST);
        for (JsonNode token : TokenizerFolder.readObject(file).path("added_tokens")) {
            add(file + ": added_tokens", token, id(token.path("id")));
        }
    }

    /** What stands for a number, or for whatever else is there. */
    private static String id(JsonNode node) {
        return node.isIntegralNumber() ? node.asText() : node.toString();
    }

    private void add(String where, JsonNode written, String id) {
        String token = TokenizerFolder.content(written);
        if (token.isEmpty()) {
            throw new TokenizerException(
                    where + " gives the id " + id + " to a token without a text: take it out.");
        }
        if (!ID.matcher(id).matches()) {
            throw new TokenizerException(
                    "%s gives the token \"%s\" the id %s: ids are whole numbers from 0 to 999,999,999."
                            .formatted(where, token, id));
        }
        int number = Integer.parseInt(id);
        Integer before = ids.putIfAbsent(token, number);
        if (before != null && before != number) {
            throw new TokenizerException(
                    "%s gives the token \"%s\" the id %d, which has the id %d already: which one was trained? Take out the other."
                            .formatted(where, token, number, before));
        }
        String other = tokens.putIfAbsent(number, token);
        if (other != null && !other.equals(token)) {
            throw new TokenizerException(
                    "%s gives the token \"%s\" the id %d, which \"%s\" has already: each token has an id of its own."
                            .formatted(where, token, number, other));
        }
        rules.put(token, SplitRule.of(written)); // the last file has its way
    }
}
