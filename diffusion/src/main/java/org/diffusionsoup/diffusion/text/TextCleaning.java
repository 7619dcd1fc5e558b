package org.diffusionsoup.diffusion.text;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What happens to a caption before byte-pair encoding, as each of the two CLIP tokenizers does it.
 */
final class TextCleaning {
    static final String START_OF_TEXT = "<|startoftext|>";
    static final String END_OF_TEXT = "<|endoftext|>";

    /** CLIP's word pattern: contractions, runs of letters, single digits, runs of anything else. */
    private static final Pattern WORD =
            Pattern.compile(
                    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d"
                            + "|\\p{L}+|\\p{N}|[^\\s\\p{L}\\p{N}]+",
                    Pattern.CASE_INSENSITIVE
                            | Pattern.UNICODE_CASE
                            | Pattern.UNICODE_CHARACTER_CLASS);

    private static final Pattern UNICODE_SPACES =
            Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

    private TextCleaning() {}

    /** The words of an already cleaned text. */
    static List<String> words(String cleaned) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(cleaned);
        while (matcher.find()) {
            words.add(matcher.group());
        }
        return words;
    }

    /** A word's UTF-8 bytes, each as its printable stand-in. */
    static String byteCharacters(String word) {
        return ByteAlphabet.encode(word.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Hugging Face's slow CLIPTokenizer where ftfy is not installed: control, format and unassigned
     * characters vanish, ideographs stand alone, NFC, single spaces, lower case.
     */
    static String likeHuggingFace(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints()
                .filter(cp -> cp != 0xFFFD && !isControl(cp))
                .forEach(cp -> {
                    if (Character.getType(cp) == Character.SPACE_SEPARATOR || cp <= ' ') {
                        out.append(' ');
                    } else if (isIdeograph(cp)) {
                        out.append(' ').appendCodePoint(cp).append(' ');
                    } else {
                        out.appendCodePoint(cp);
                    }
                });
        String composed = Normalizer.normalize(out, Normalizer.Form.NFC);
        return PythonLowerCase.of(collapseSpaces(composed));
    }

    /**
     * OpenAI's tokenizer where ftfy is not installed: HTML entities twice unescaped, lower case.
     */
    static String likeOpenAi(String text) {
        String unescaped = HtmlEntities.unescape(HtmlEntities.unescape(text));
        return PythonLowerCase.of(collapseSpaces(unescaped));
    }

    private static String collapseSpaces(String text) {
        return UNICODE_SPACES.matcher(text).replaceAll(" ").strip();
    }

    static boolean isControl(int cp) {
        if (cp == '\t' || cp == '\n' || cp == '\r') {
            return false;
        }
        return switch (Character.getType(cp)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED ->
                    true;
            default -> false;
        };
    }

    /**
     * The blocks of CJK ideographs that BERT's basic tokenizer, which CLIP falls back on, lists.
     */
    static boolean isIdeograph(int cp) {
        return (cp >= 0x4E00 && cp <= 0x9FFF)
                || (cp >= 0x3400 && cp <= 0x4DBF)
                || (cp >= 0x20000 && cp <= 0x2A6DF)
                || (cp >= 0x2A700 && cp <= 0x2CEAF)
                || (cp >= 0xF900 && cp <= 0xFAFF)
                || (cp >= 0x2F800 && cp <= 0x2FA1F);
    }
}
