package org.diffusionsoup.diffusion.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClipTokenizerTest {
    private static final List<String> CAPTIONS =
            List.of(
                    "a red apple, noto style",
                    "a green apple, fluent style",
                    "grinning face with smiling eyes, noto style",
                    "a red car, fluent style",
                    "the café's naïve façade, noto style");

    @TempDir Path folder;
    private ClipTokenizer tokenizer;

    @BeforeEach
    void train() {
        BpeTrainer.train(CAPTIONS, 20).write(folder, 24);
        tokenizer = ClipTokenizer.load(folder);
    }

    @Test
    void trainedVocabularyHasClipsLayout() {
        BpeVocabulary vocabulary = BpeTrainer.train(CAPTIONS, 20);
        assertThat(vocabulary.merges()).isEqualTo(20);
        assertThat(vocabulary.size()).isEqualTo(512 + 20 + 2);
        assertThat(tokenizer.vocabSize()).isEqualTo(vocabulary.size());
        assertThat(tokenizer.bosId()).isEqualTo(vocabulary.size() - 2);
        assertThat(tokenizer.eosId()).isEqualTo(vocabulary.size() - 1);
        assertThat(tokenizer.padId()).isEqualTo(tokenizer.eosId());
        assertThat(tokenizer.modelMaxLength()).isEqualTo(24);
        // "style" is the most frequent word and must have become one symbol: start, it, end.
        assertThat(tokenizer.encodeUnpadded("Style")).hasSize(3);
    }

    @Test
    void trainingDoesNotDependOnTheOrderOfCaptions(@TempDir Path other) throws IOException {
        List<String> shuffled = new ArrayList<>(CAPTIONS);
        Collections.shuffle(shuffled, new Random(1));
        BpeTrainer.train(shuffled, 20).write(other, 24);
        for (String name :
                List.of(
                        "vocab.json",
                        "merges.txt",
                        "tokenizer_config.json",
                        "special_tokens_map.json")) {
            assertThat(other.resolve(name)).hasSameBinaryContentAs(folder.resolve(name));
        }
    }

    @Test
    void fewerMergesWhereNothingRepeats() {
        assertThat(BpeTrainer.train(List.of("ab ab cd"), 100).merges()).isEqualTo(1);
        assertThat(BpeTrainer.train(List.of(), 100).merges()).isZero();
    }

    @Test
    void symbolsStayUniqueWhereTwoPairsMakeTheSame() {
        // Both (a, ab) and (aa, b) can make "aab".
        List<String> captions =
                List.of("aabx aabx aabx abx abx aax aax aax aax abx xaab xaab aab aab baab");
        BpeVocabulary vocabulary = BpeTrainer.train(captions, 50);
        vocabulary.write(folder, 8);
        assertThat(ClipTokenizer.load(folder).vocabSize()).isEqualTo(vocabulary.size());
    }

    @Test
    void longTextsKeepTheEndToken() {
        int[] ids = tokenizer.encode("apple ".repeat(100));
        assertThat(ids).hasSize(24).startsWith(tokenizer.bosId()).endsWith(tokenizer.eosId());
        assertThat(tokenizer.encode("apple", 5)).hasSize(5).endsWith(tokenizer.padId());
        assertThatThrownBy(() -> tokenizer.encode("apple", 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @RepeatedTest(200)
    void decodingGivesBackTheNormalisedText(RepetitionInfo repetition) {
        String text = randomText(new Random(repetition.getCurrentRepetition()));
        String words = String.join(" ", TextCleaning.words(TextCleaning.likeHuggingFace(text)));
        int[] ids = tokenizer.encodeUnpadded(text);
        assertThat(ids).startsWith(tokenizer.bosId()).endsWith(tokenizer.eosId());
        assertThat(Arrays.stream(ids).max().orElseThrow()).isLessThan(tokenizer.vocabSize());
        assertThat(tokenizer.decode(ids))
                .as("seed %d", repetition.getCurrentRepetition())
                .isEqualTo(words);
        // What came back is already normal: encoding it again changes nothing.
        assertThat(tokenizer.encodeUnpadded(words)).hasSameSizeAs(ids);
    }

    @RepeatedTest(100)
    void bothConventionsTakeAnyText(RepetitionInfo repetition) {
        Random random = new Random(1000 + repetition.getCurrentRepetition());
        ClipTokenizer openAi = ClipTokenizer.load(folder, ClipTokenizer.Convention.OPENAI);
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(60); i > 0; i--) {
            switch (random.nextInt(4)) {
                case 0 -> text.append((char) random.nextInt(0x10000)); // lone surrogates too
                case 1 -> text.appendCodePoint(random.nextInt(Character.MAX_CODE_POINT + 1));
                case 2 -> text.append("&#").append(random.nextInt()).append(';');
                default -> text.append("<|endoftext|>&amp&notit;'S ");
            }
        }
        for (ClipTokenizer each : List.of(tokenizer, openAi)) {
            int[] ids = each.encode(text.toString());
            assertThat(ids).hasSize(24);
            for (int id : ids) {
                assertThat(id).isBetween(0, each.vocabSize() - 1);
            }
            each.decode(ids);
        }
    }

    /** Letters of several scripts, digits, signs, marks and spaces, without special tokens. */
    private static String randomText(Random random) {
        int[][] ranges = {
            {' ', '~'},
            {'a', 'z'},
            {0xA0, 0x24F},
            {0x370, 0x3FF},
            {0x4E00, 0x4E20},
            {0x300, 0x30F},
            {0x1F600, 0x1F64F},
            {0x2000, 0x206F},
            {0, 0x1F}
        };
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(40); i > 0; i--) {
            int[] range = ranges[random.nextInt(ranges.length)];
            text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
        }
        return text.toString();
    }

    @Test
    void htmlEntities() {
        assertThat(HtmlEntities.unescape("&lt;&amp;&notit;&notin;&#65;&#x41&#x80;&#0;&#1;&nope;"))
                .isEqualTo("<&\u00ACit;\u2209AA\u20AC\uFFFD&nope;");
        assertThat(HtmlEntities.unescape("&#99999999999999999999; & &;")).isEqualTo("\uFFFD & &;");
    }

    @Test
    void sigmaEndsAWord() {
        assertThat(PythonLowerCase.of("ΣΊΣΥΦΟΣ ΟΔΟΣ, Σ")).isEqualTo("σίσυφος οδος, σ");
        assertThat(PythonLowerCase.of("ΑΣ.Β ΑΣ. İ")).isEqualTo("ασ.β ας. i\u0307");
    }

    @Test
    void faultsAreNamed() throws IOException {
        assertThatThrownBy(() -> ClipTokenizer.load(folder.resolve("none")))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("none");
        Path merges = folder.resolve("merges.txt");
        Files.writeString(merges, "#version\na b\nabc\n");
        assertThatThrownBy(() -> ClipTokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("Line 3")
                .hasMessageContaining("merges.txt");
        Files.delete(merges);
        assertThatThrownBy(() -> ClipTokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("merges.txt.gz");
        Files.writeString(merges, "#version\n");
        Path vocabulary = folder.resolve("vocab.json");
        Files.writeString(vocabulary, "{\"a\": 0, \"b\": 0}");
        assertThatThrownBy(() -> ClipTokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("\"b\"");
        Files.writeString(vocabulary, "{\"a\": ");
        assertThatThrownBy(() -> ClipTokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("vocab.json");
    }
}
