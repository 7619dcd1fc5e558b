package org.diffusionsoup.diffusion.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which of a tokenizer's files has its way, and what of them is refused. */
class TokenizerFolderTest {
    @TempDir private Path folder;
    private int size;

    @BeforeEach
    void aVocabulary() throws IOException {
        BpeVocabulary vocabulary = BpeTrainer.train(List.of("a red apple", "a green apple"), 8);
        vocabulary.write(folder, 12);
        size = vocabulary.size();
        Files.delete(folder.resolve("tokenizer_config.json"));
        Files.delete(folder.resolve("special_tokens_map.json"));
    }

    private void write(String name, String json) throws IOException {
        Files.writeString(folder.resolve(name), json.replace("NEXT", String.valueOf(size)));
    }

    private ClipTokenizer tokenizer() {
        return ClipTokenizer.load(folder);
    }

    /** stable-diffusion-2-base: the map says "!" and the configuration the end token. */
    @ParameterizedTest
    @CsvSource({"pad_token", "bos_token", "eos_token", "unk_token"})
    void theMapHasItsWayOverTheConfiguration(String field) throws IOException {
        write("tokenizer_config.json", "{\"%s\": \"?\"}".formatted(field));
        int config = idOf(tokenizer(), field);
        write("special_tokens_map.json", "{\"%s\": {\"content\": \"!\"}}".formatted(field));
        assertThat(idOf(tokenizer(), field)).isZero().isNotEqualTo(config);
    }

    private static int idOf(ClipTokenizer t, String field) {
        return switch (field) {
            case "pad_token" -> t.padId();
            case "bos_token" -> t.bosId();
            case "eos_token" -> t.eosId();
            default -> t.unknownId();
        };
    }

    /** From 4.34 on, what a configuration with its added tokens says is all that counts. */
    @Test
    void aConfigurationWithItsAddedTokensSaysEverything() throws IOException {
        write("special_tokens_map.json", "{\"pad_token\": \"!\"}");
        write("added_tokens.json", "{\"<old>\": NEXT}");
        write(
                "tokenizer_config.json",
                "{\"added_tokens_decoder\": {\"NEXT\": {\"content\": \"<new>\"}}}");
        assertThat(tokenizer().addedTokens()).isEqualTo(Map.of("<new>", size));
        assertThat(tokenizer().padId()).isEqualTo(tokenizer().eosId());
    }

    @Test
    void bothFilesNameFurtherSpecialTokens() throws IOException {
        write("tokenizer_config.json", "{\"additional_special_tokens\": [\"<a>\"]}");
        write(
                "special_tokens_map.json",
                "{\"additional_special_tokens\": [{\"content\": \"<b>\"}]}");
        assertThat(tokenizer().addedTokens()).containsOnlyKeys("<a>", "<b>");
        assertThat(tokenizer().vocabSize()).isEqualTo(size + 2);
        assertThat(tokenizer().ownSize()).isEqualTo(size);
    }

    /** A special token that was added takes the id that it was saved with. */
    @Test
    void aPaddingTokenThatWasAdded() throws IOException {
        write("special_tokens_map.json", "{\"pad_token\": \"<pad>\"}");
        assertThat(tokenizer().padId()).isEqualTo(size);
        write("added_tokens.json", "{\"<pad>\": 700, \"<cat>\": NEXT}");
        assertThat(tokenizer().padId()).isEqualTo(700);
        assertThat(tokenizer().encodeUnpadded("a<cat>")).contains(size);
        assertThat(tokenizer().decode(size)).isEqualTo("<cat>");
    }

    /**
     * {@code single_word}, {@code lstrip} and {@code rstrip} as {@code
     * PreTrainedTokenizer.tokenize} of transformers has them: only a space lets a token stand
     * alone, a token that may not goes to what is left of it, else to the right, and of two in a
     * row the second finds nothing there.
     */
    @ParameterizedTest
    @ValueSource(strings = {"tokenizer_config.json", "tokenizer.json", "special_tokens_map.json"})
    void aSingleWordIsNotCutOutOfAnother(String file) throws IOException {
        String flags = "\"content\": \"le\", \"single_word\": %s";
        String json =
                switch (file) {
                    case "tokenizer_config.json" -> "{\"added_tokens_decoder\": {\"NEXT\": {%s}}}";
                    case "tokenizer.json" -> "{\"added_tokens\": [{\"id\": NEXT, %s}]}";
                    default -> "{\"additional_special_tokens\": [{%s}]}";
                };
        ClipTokenizer plain = tokenizer();
        write(file, json.formatted(flags.formatted("false")));
        assertThat(tokenizer().encodeUnpadded("apple")).contains(size);
        write(file, json.formatted(flags.formatted("true")));
        for (String text : List.of("apple", "leap", "a,le", "le.", "a\nle", "lele", "LE")) {
            List<Integer> ids = ids(tokenizer(), text);
            assertThat(ids).as(text).isEqualTo(ids(plain, text));
        }
        for (String text : List.of("le", "a le", "le a", "a le green", "lele le", "alele")) {
            assertThat(ids(tokenizer(), text)).as(text).containsOnlyOnce(size);
        }
        // What lies between is stripped first, so that these two words become one.
        write(file, json.formatted(flags.formatted("true, \"lstrip\": true")));
        assertThat(ids(tokenizer(), "app\nle")).isEqualTo(ids(plain, "apple"));
    }

    private static List<Integer> ids(ClipTokenizer tokenizer, String text) {
        return Arrays.stream(tokenizer.encodeUnpadded(text)).boxed().toList();
    }

    @Test
    void paddingOnTheLeft() throws IOException {
        int[] right = tokenizer().encode("a red apple");
        int[] bare = tokenizer().encodeUnpadded("a red apple");
        write("tokenizer_config.json", "{\"padding_side\": \"left\"}");
        int[] left = tokenizer().encode("a red apple");
        assertThat(right).startsWith(bare);
        assertThat(left).hasSameSizeAs(right).endsWith(bare);
        assertThat(Arrays.copyOf(left, left.length - bare.length))
                .containsOnly(tokenizer().padId());
        int[] cut = tokenizer().encode("apple ".repeat(200));
        assertThat(cut).startsWith(tokenizer().bosId()).endsWith(tokenizer().eosId());
        assertThat(
                        ClipTokenizer.load(folder, ClipTokenizer.Convention.OPENAI)
                                .encode("a red apple"))
                .startsWith(bare);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "tokenizer_config.json | {\"padding_side\": \"top\"} | padding_side is \"top\"",
                "tokenizer_config.json | {\"truncation_side\": \"left\"} | truncation_side is \"left\"",
                "added_tokens.json | {\"<x>\": -1} | \"<x>\" the id -1",
                "added_tokens.json | {\"<x>\": 1.5} | \"<x>\" the id 1.5",
                "added_tokens.json | {\"<x>\": \"7\"} | \"<x>\" the id \"7\"",
                "added_tokens.json | {\"<x>\": 99999999999} | \"<x>\" the id 99999999999",
                "added_tokens.json | {\"<x>\": NEXT, \"<y>\": NEXT} | which \"<x>\" has already",
                "added_tokens.json | {\"\": NEXT} | a token without a text",
                "added_tokens.json | [1] | must hold a JSON object",
                "tokenizer.json | {\"added_tokens\": [{\"content\": \"<x>\"}]} | \"<x>\" the id",
                "tokenizer_config.json | {\"added_tokens_decoder\": {\"x\": {\"content\": \"<x>\"}}} | \"<x>\" the id x"
            })
    void whatCannotBeTakenIsNamed(String file, String json, String told) throws IOException {
        write(file, json);
        assertThatThrownBy(this::tokenizer)
                .isInstanceOf(TokenizerException.class)
                .hasMessageContainingAll(file, told);
    }

    @Test
    void twoFilesThatDisagreeAreNamed() throws IOException {
        write("added_tokens.json", "{\"<x>\": NEXT}");
        write("tokenizer.json", "{\"added_tokens\": [{\"id\": 900, \"content\": \"<x>\"}]}");
        assertThatThrownBy(this::tokenizer)
                .isInstanceOf(TokenizerException.class)
                .hasMessageContainingAll(
                        "tokenizer.json", "\"<x>\" the id 900", String.valueOf(size));
    }
}
