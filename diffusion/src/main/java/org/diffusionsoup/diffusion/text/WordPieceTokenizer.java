package org.diffusionsoup.diffusion.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * BERT's uncased tokenizer over a {@code vocab.txt}: transformers' {@code BertTokenizer} (the one
 * written in Python), with the two tokens that BLIP adds: {@code [DEC]}, which starts an answer,
 * and {@code [ENC]}, which starts a question. Where the vocabulary lacks them they take the two ids
 * after it, in this order, as in BLIP.
 */
public final class WordPieceTokenizer {
    /** A longer word is unknown as a whole. */
    private static final int MAX_WORD = 100;

    private static final String PAD = "[PAD]";
    private static final String UNKNOWN = "[UNK]";
    private static final String START = "[CLS]";
    private static final String END = "[SEP]";
    private static final String MASK = "[MASK]";
    private static final String DECODE = "[DEC]";
    private static final String ENCODE = "[ENC]";

    /** Special tokens inside a text are themselves. */
    private static final Pattern SPECIAL = Pattern.compile("\\[(?:PAD|UNK|CLS|SEP|MASK|DEC|ENC)]");

    private static final Pattern SPACES = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

    private final Map<String, Integer> ids;

    private WordPieceTokenizer(Map<String, Integer> ids) {
        this.ids = ids;
    }

    /**
     * Reads a vocabulary, one token a line, whose id is the line's number from 0.
     *
     * @param vocabulary {@code vocab.txt}
     * @throws TokenizerException if it is missing, or lacks a token that BERT needs
     */
    public static WordPieceTokenizer read(Path vocabulary) {
        List<String> lines;
        try {
            lines = Files.readAllLines(vocabulary);
        } catch (IOException e) {
            throw new TokenizerException(
                    vocabulary + " cannot be read: copy bert-base-uncased's vocab.txt there.", e);
        }
        return of(lines, vocabulary.toString());
    }

    /**
     * A tokenizer over given tokens.
     *
     * @param tokens in the order of their ids; continuations of a word begin with {@code ##}
     * @param source what a message calls them
     * @throws TokenizerException if one that BERT needs is missing
     */
    public static WordPieceTokenizer of(List<String> tokens, String source) {
        Map<String, Integer> ids = new HashMap<>();
        for (int i = 0; i < tokens.size(); i++) {
            ids.put(tokens.get(i).stripTrailing(), i);
        }
        for (String needed : List.of(PAD, UNKNOWN, START, END)) {
            if (!ids.containsKey(needed)) {
                throw new TokenizerException(
                        source + " has no token " + needed + ": it is not a BERT vocabulary.");
            }
        }
        int next = tokens.size();
        for (String added : List.of(DECODE, ENCODE)) {
            if (ids.putIfAbsent(added, next) == null) {
                next++;
            }
        }
        return new WordPieceTokenizer(ids);
    }

    /** Number of ids, the two added tokens among them. */
    public int size() {
        return ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
    }

    /** Fills the end of a row. */
    public int padId() {
        return id(PAD);
    }

    /** Starts what a decoder writes: {@code [DEC]}. */
    public int decodeId() {
        return id(DECODE);
    }

    /** Starts what an encoder reads while it looks at a picture: {@code [ENC]}. */
    public int encodeId() {
        return id(ENCODE);
    }

    /**
     * A text's ids between {@code [CLS]} and {@code [SEP]}, not padded.
     *
     * @param maxLength longest result, at least 2; what does not fit is cut off before {@code
     *     [SEP]}
     */
    public int[] encode(String text, int maxLength) {
        List<Integer> pieces = new ArrayList<>();
        pieces.add(id(START));
        tokenize(text, pieces);
        if (pieces.size() > maxLength - 1) {
            pieces = pieces.subList(0, maxLength - 1);
        }
        int[] out = new int[pieces.size() + 1];
        for (int i = 0; i < pieces.size(); i++) {
            out[i] = pieces.get(i);
        }
        out[out.length - 1] = id(END);
        return out;
    }

    /** As above, however long the text is. */
    public int[] encode(String text) {
        return encode(text, Integer.MAX_VALUE);
    }

    private int id(String token) {
        Integer id = ids.get(token);
        if (id == null) {
            throw new IllegalStateException("no token " + token);
        }
        return id;
    }

    private void tokenize(String text, List<Integer> out) {
        Matcher special = SPECIAL.matcher(text);
        int from = 0;
        while (special.find()) {
            if (special.group().equals(MASK) && !ids.containsKey(MASK)) {
                continue;
            }
            plain(text.substring(from, special.start()), out);
            out.add(id(special.group()));
            from = special.end();
        }
        plain(text.substring(from), out);
    }

    private void plain(String text, List<Integer> out) {
        for (String word : SPACES.split(clean(text))) {
            if (!word.isEmpty()) {
                for (String part : parts(unaccented(PythonLowerCase.of(word)))) {
                    pieces(part, out);
                }
            }
        }
    }

    /** Control characters vanish, ideographs stand alone, all kinds of space are one kind. */
    private static String clean(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints()
                .filter(cp -> cp != 0xFFFD && !TextCleaning.isControl(cp))
                .forEach(cp -> {
                    if (Character.getType(cp) == Character.SPACE_SEPARATOR || cp <= ' ') {
                        out.append(' ');
                    } else if (TextCleaning.isIdeograph(cp)) {
                        out.append(' ').appendCodePoint(cp).append(' ');
                    } else {
                        out.appendCodePoint(cp);
                    }
                });
        return Normalizer.normalize(out, Normalizer.Form.NFC);
    }

    private static String unaccented(String word) {
        StringBuilder out = new StringBuilder(word.length());
        Normalizer.normalize(word, Normalizer.Form.NFD)
                .codePoints()
                .filter(cp -> Character.getType(cp) != Character.NON_SPACING_MARK)
                .forEach(out::appendCodePoint);
        return out.toString();
    }

    /** Punctuation stands alone. */
    private static List<String> parts(String word) {
        List<String> out = new ArrayList<>();
        StringBuilder run = new StringBuilder();
        word.codePoints()
                .forEach(cp -> {
                    if (isPunctuation(cp)) {
                        if (!run.isEmpty()) {
                            out.add(run.toString());
                            run.setLength(0);
                        }
                        out.add(Character.toString(cp));
                    } else {
                        run.appendCodePoint(cp);
                    }
                });
        if (!run.isEmpty()) {
            out.add(run.toString());
        }
        return out;
    }

    /** BERT counts every ASCII character that is neither letter, digit nor space. */
    private static boolean isPunctuation(int cp) {
        if (cp > ' ' && cp < 0x7F) {
            return !Character.isLetterOrDigit(cp);
        }
        return switch (Character.getType(cp)) {
            case Character.CONNECTOR_PUNCTUATION,
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION ->
                    true;
            default -> false;
        };
    }

    /** The longest known piece first, then again from where it ends. */
    private void pieces(String word, List<Integer> out) {
        int[] cps = word.codePoints().toArray();
        if (cps.length > MAX_WORD) {
            out.add(id(UNKNOWN));
            return;
        }
        List<Integer> found = new ArrayList<>();
        int from = 0;
        while (from < cps.length) {
            int to = cps.length;
            Integer id = null;
            while (to > from && id == null) {
                String piece = new String(cps, from, to - from);
                id = ids.get(from > 0 ? "##" + piece : piece);
                to -= id == null ? 1 : 0;
            }
            if (id == null) {
                out.add(id(UNKNOWN));
                return;
            }
            found.add(id);
            from = to;
        }
        out.addAll(found);
    }
}
