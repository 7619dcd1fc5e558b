package org.diffusionsoup.diffusion.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class WordPieceTokenizerTest {
    private static final List<String> TOKENS =
            List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "##s", "!", "naive");

    private final WordPieceTokenizer tokenizer = WordPieceTokenizer.of(TOKENS, "test");

    @Test
    void addedTokensTakeTheIdsAfterTheVocabulary() {
        assertThat(tokenizer.decodeId()).isEqualTo(9);
        assertThat(tokenizer.encodeId()).isEqualTo(10);
        assertThat(tokenizer.size()).isEqualTo(11);
    }

    @Test
    void cutsBeforeTheEndToken() {
        assertThat(tokenizer.encode("a cats! cats!", 5)).containsExactly(2, 4, 5, 6, 3);
        assertThat(tokenizer.encode("a cats!", 6)).containsExactly(2, 4, 5, 6, 7, 3);
    }

    @Test
    void caseAccentsAndControlCharactersVanish() {
        assertThat(tokenizer.encode("NA\u00cfVE\u200d ca\u0000t")).containsExactly(2, 8, 5, 3);
    }

    @Test
    void aWordWithoutPiecesIsUnknownAsAWhole() {
        assertThat(tokenizer.encode("catx a")).containsExactly(2, 1, 4, 3);
        assertThat(tokenizer.encode("a".repeat(101))).containsExactly(2, 1, 3);
    }

    @Test
    void specialTokensInsideATextAreThemselves() {
        assertThat(tokenizer.encode("a[SEP]cat")).containsExactly(2, 4, 3, 5, 3);
        assertThat(tokenizer.encode("[ENC] a")).containsExactly(2, 10, 4, 3);
    }

    @Test
    void saysWhatIsWrongWithAVocabulary() {
        assertThatThrownBy(() -> WordPieceTokenizer.of(List.of("a"), "some/vocab.txt"))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("some/vocab.txt has no token [PAD]");
        assertThatThrownBy(() -> WordPieceTokenizer.read(Path.of("nowhere/vocab.txt")))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("bert-base-uncased");
    }
}
