package org.diffusionsoup.diffusion.text;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/**
 * CLIP's byte-pair tokenizer, read from a diffusers {@code tokenizer} folder.
 *
 * <p>Sources: Hugging Face's slow {@code CLIPTokenizer} and OpenAI's {@code SimpleTokenizer}, each
 * as it behaves where {@code ftfy} is not installed; {@link Convention} says which. Instances are
 * immutable and may be shared between threads.
 */
public final class ClipTokenizer {
    /** Whose ids to produce; they differ for some texts and in the padding. */
    public enum Convention {
        /**
         * {@code transformers}' CLIPTokenizer: control and format characters dropped, NFC,
         * ideographs spaced out, special tokens (the padding token too) cut out of the text.
         */
        HUGGING_FACE,
        /**
         * {@code openai/CLIP}: HTML entities unescaped, everything else kept, padded with 0
         * whatever the folder's padding token is.
         */
        OPENAI
    }

    /** A word spelled out in so many bytes has no merge; shorter ones may be spelled rightly. */
    private static final int SPELLED_BYTES = 3;

    private final Convention convention;
    private final Map<String, Integer> vocabulary;
    private final Map<Integer, String> symbols;
    private final SpecialTokens special;
    private final BytePairEncoder bytePairs;
    private final int bosId;
    private final int eosId;
    private final int padId;
    private final int unknownId;
    private final int modelMaxLength;
    private final boolean padsLeft;
    private final int vocabSize;

    private ClipTokenizer(TokenizerFolder folder, Convention convention) {
        this.convention = convention;
        vocabulary = Map.copyOf(folder.vocabulary());
        special = new SpecialTokens(folder.special(), folder.rules());
        bytePairs = new BytePairEncoder(folder.merges());
        bosId = folder.specialId(folder.bos());
        eosId = folder.specialId(folder.eos());
        unknownId = folder.specialId(folder.unknown());
        padId = convention == Convention.OPENAI ? 0 : folder.specialId(folder.pad());
        modelMaxLength = folder.modelMaxLength();
        padsLeft = convention == Convention.HUGGING_FACE && folder.padsLeft();
        symbols = new HashMap<>();
        vocabulary.forEach((symbol, id) -> symbols.put(id, symbol));
        special.ids().forEach((symbol, id) -> symbols.putIfAbsent(id, symbol));
        vocabSize = symbols.keySet().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
    }

    /**
     * Reads a tokenizer folder for Hugging Face's convention, the one of Stable Diffusion.
     *
     * @param folder holds {@code vocab.json} and {@code merges.txt} (or each with {@code .gz}), and
     *     optionally {@code tokenizer_config.json}, {@code special_tokens_map.json}, and {@code
     *     added_tokens.json} or {@code tokenizer.json} for tokens that were added to the vocabulary
     * @return the tokenizer
     * @throws TokenizerException if a file is missing or malformed
     */
    public static ClipTokenizer load(Path folder) {
        return load(folder, Convention.HUGGING_FACE);
    }

    /**
     * Reads a tokenizer folder.
     *
     * @param folder as in {@link #load(Path)}
     * @param convention whose ids to produce
     * @return the tokenizer
     * @throws TokenizerException if a file is missing or malformed
     */
    public static ClipTokenizer load(Path folder, Convention convention) {
        return new ClipTokenizer(TokenizerFolder.read(folder), convention);
    }

    /**
     * The ids of a text, framed by the start and end token, cut to {@link #modelMaxLength()} (the
     * end token stays) and filled up with the padding token: behind the end token, or before the
     * start token where {@code tokenizer_config.json} has {@code "padding_side": "left"}, which
     * OpenAI's convention does not know.
     *
     * @param text any text, also the empty one
     * @return exactly {@link #modelMaxLength()} ids
     */
    public int[] encode(String text) {
        return encode(text, modelMaxLength);
    }

    /**
     * As {@link #encode(String)}, to another length.
     *
     * @param text any text
     * @param length number of ids to return, at least 2
     * @return exactly {@code length} ids
     * @throws IllegalArgumentException if {@code length} is below 2
     */
    public int[] encode(String text, int length) {
        requireRoom(length);
        int[] ids = encodeUnpadded(text);
        int[] out = Arrays.copyOf(ids, length);
        if (ids.length > length) {
            out[length - 1] = eosId;
        } else if (padsLeft) {
            Arrays.fill(out, 0, length - ids.length, padId);
            System.arraycopy(ids, 0, out, length - ids.length, ids.length);
        } else {
            Arrays.fill(out, ids.length, length, padId);
        }
        return out;
    }

    /**
     * The ids of a text, framed by the start and end token, neither cut nor padded.
     *
     * @param text any text
     * @return at least 2 ids
     */
    public int[] encodeUnpadded(String text) {
        List<Integer> ids = new ArrayList<>();
        ids.add(bosId);
        pieces(text).forEach(piece -> ids.addAll(piece.ids()));
        ids.add(eosId);
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * What of a text is read at a length, and which of its words the vocabulary does not know: of
     * those it has no merge at all, so that a word of three or more bytes comes out as one token
     * per byte, or a byte has no token. Runs of ASCII punctuation are spelled out by nature and do
     * not count.
     *
     * @param text any text
     * @param length as in {@link #encode(String, int)}, at least 2
     * @throws IllegalArgumentException if {@code length} is below 2
     */
    public TextReading reading(String text, int length) {
        requireRoom(length);
        int fits = length - 2;
        int tokens = 0;
        List<String> lost = new ArrayList<>();
        Set<String> unknown = new LinkedHashSet<>();
        for (Piece piece : pieces(text)) {
            tokens += piece.ids().size();
            if (tokens > fits) {
                lost.add(piece.word());
            }
            if (piece.isUnknown()) {
                unknown.add(piece.word());
            }
        }
        return new TextReading(tokens, fits, String.join(" ", lost), List.copyOf(unknown));
    }

    /** A word, or a special token, with its ids. */
    private record Piece(String word, List<Integer> ids, boolean isUnknown) {}

    private List<Piece> pieces(String text) {
        List<Piece> pieces = new ArrayList<>();
        switch (convention) {
            case OPENAI -> addWords(TextCleaning.likeOpenAi(text), pieces);
            case HUGGING_FACE -> addAroundSpecialTokens(text, pieces);
        }
        return pieces;
    }

    private void addAroundSpecialTokens(String text, List<Piece> pieces) {
        for (String part : special.split(text)) {
            if (special.ids().containsKey(part)) {
                pieces.add(special(part, special.ids()));
            } else {
                addWords(TextCleaning.likeHuggingFace(part), pieces);
            }
        }
    }

    private Piece special(String word, Map<String, Integer> known) {
        return new Piece(word, List.of(known.getOrDefault(word, unknownId)), false);
    }

    private void addWords(String cleaned, List<Piece> pieces) {
        for (String word : TextCleaning.words(cleaned)) {
            if (word.equals(TextCleaning.START_OF_TEXT) || word.equals(TextCleaning.END_OF_TEXT)) {
                pieces.add(special(word, vocabulary));
                continue;
            }
            String bytes = TextCleaning.byteCharacters(word);
            List<String> symbols = bytePairs.split(bytes);
            List<Integer> ids = new ArrayList<>(symbols.size());
            for (String symbol : symbols) {
                ids.add(vocabulary.getOrDefault(symbol, unknownId));
            }
            boolean spelled = symbols.size() == bytes.length() && bytes.length() >= SPELLED_BYTES;
            boolean missing = !vocabulary.keySet().containsAll(symbols);
            pieces.add(new Piece(word, ids, (spelled && !isAsciiPunctuation(word)) || missing));
        }
    }

    private static boolean isAsciiPunctuation(String word) {
        return word.chars().allMatch(c -> c < 128 && !Character.isLetterOrDigit(c));
    }

    private static void requireRoom(int length) {
        if (length < 2) {
            throw new IllegalArgumentException(
                    "A length of " + length + " leaves no room for the start and end tokens: 2.");
        }
    }

    /**
     * The text that ids stand for: words in lower case, each followed by a space except the last;
     * start, end and padding tokens are left out.
     *
     * @param ids ids below {@link #vocabSize()}
     * @return the text; bytes that are no UTF-8 become U+FFFD
     * @throws IllegalArgumentException if an id is not in the vocabulary
     */
    public String decode(int... ids) {
        return SymbolDecoder.decode(
                Arrays.stream(ids)
                        .filter(id -> id != bosId && id != eosId && !isPadding(id))
                        .mapToObj(this::symbolOf)
                        .toList());
    }

    private boolean isPadding(int id) {
        // Id 0 is OpenAI's padding, but also the byte "!", which a text may well contain.
        return convention == Convention.HUGGING_FACE && id == padId;
    }

    private String symbolOf(int id) {
        String symbol = symbols.get(id);
        if (symbol == null) {
            throw new IllegalArgumentException(
                    "The id " + id + " is not in this vocabulary of " + vocabSize + " tokens.");
        }
        return symbol;
    }

    /**
     * @return number of ids that {@link #encode(String)} returns
     */
    public int modelMaxLength() {
        return modelMaxLength;
    }

    /**
     * @return the highest id plus one: the rows an embedding table needs
     */
    public int vocabSize() {
        return vocabSize;
    }

    /**
     * @return the highest id of {@code vocab.json} plus one: {@link #vocabSize()} but for {@link
     *     #addedTokens()}
     */
    public int ownSize() {
        return vocabulary.values().stream().mapToInt(Integer::intValue).max().orElse(-1) + 1;
    }

    /**
     * The tokens beyond {@code vocab.json}: those that were added to it, such as a textual
     * inversion's, and special tokens that it lacks.
     *
     * @return token to id, by id
     */
    public SequencedMap<String, Integer> addedTokens() {
        SequencedMap<String, Integer> added = new LinkedHashMap<>();
        special.ids().entrySet().stream()
                .filter(e -> !e.getValue().equals(vocabulary.get(e.getKey())))
                .sorted(Map.Entry.comparingByValue())
                .forEach(e -> added.put(e.getKey(), e.getValue()));
        return added;
    }

    /**
     * @return id of the start token
     */
    public int bosId() {
        return bosId;
    }

    /**
     * @return id of the end token
     */
    public int eosId() {
        return eosId;
    }

    /**
     * @return id that fills up short texts
     */
    public int padId() {
        return padId;
    }

    /**
     * @return id of what is not in the vocabulary
     */
    public int unknownId() {
        return unknownId;
    }

    /**
     * @return whose ids this tokenizer produces
     */
    public Convention convention() {
        return convention;
    }
}
