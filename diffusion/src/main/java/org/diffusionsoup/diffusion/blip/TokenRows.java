package org.diffusionsoup.diffusion.blip;

import java.util.Arrays;
import java.util.List;
import org.diffusionsoup.diffusion.text.WordPieceTokenizer;
import org.diffusionsoup.diffusion.torch.Tensor;

/**
 * Texts as a model takes them: rows of token ids padded to one length, and which of them are text.
 *
 * @param ids [rows][length]
 * @param mask [rows][length], 1 for a token of the text, 0 for padding
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier of bulk data on its way into a tensor
public record TokenRows(int[][] ids, int[][] mask) {
    /** Padded to the longest text, cut to {@code maxLength} with the end token kept. */
    static TokenRows longest(WordPieceTokenizer tokenizer, List<String> texts, int maxLength) {
        int[][] rows =
                texts.stream().map(t -> tokenizer.encode(t, maxLength)).toArray(int[][]::new);
        int length = Arrays.stream(rows).mapToInt(r -> r.length).max().orElse(0);
        return padded(tokenizer, rows, length);
    }

    /** Padded and cut to {@code length}, with the end token kept. */
    static TokenRows fixed(WordPieceTokenizer tokenizer, List<String> texts, int length) {
        int[][] rows = texts.stream().map(t -> tokenizer.encode(t, length)).toArray(int[][]::new);
        return padded(tokenizer, rows, length);
    }

    private static TokenRows padded(WordPieceTokenizer tokenizer, int[][] rows, int length) {
        int[][] ids = new int[rows.length][length];
        int[][] mask = new int[rows.length][length];
        for (int i = 0; i < rows.length; i++) {
            Arrays.fill(ids[i], tokenizer.padId());
            System.arraycopy(rows[i], 0, ids[i], 0, rows[i].length);
            Arrays.fill(mask[i], 0, rows[i].length, 1);
        }
        return new TokenRows(ids, mask);
    }

    /** The same rows with another first token. */
    TokenRows startingWith(int id) {
        int[][] changed = new int[ids.length][];
        for (int i = 0; i < changed.length; i++) {
            changed[i] = ids[i].clone();
            changed[i][0] = id;
        }
        return new TokenRows(changed, mask);
    }

    /** Number of texts. */
    public int rows() {
        return ids.length;
    }

    /** The ids as an int64 tensor (rows, length), owned by the open scope. */
    public Tensor idTensor() {
        return Tensor.ofRows(ids);
    }

    /** The mask as an int64 tensor (rows, length), owned by the open scope. */
    public Tensor maskTensor() {
        return Tensor.ofRows(mask);
    }
}
