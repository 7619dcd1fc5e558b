package org.diffusionsoup.diffusion.text;

import java.util.List;

/**
 * How much of a text reaches a text encoder.
 *
 * @param tokens of the text, without the start and end tokens
 * @param fits how many tokens the encoder takes, without the start and end tokens
 * @param lost the words beyond that, cleaned as the tokenizer does it; empty where nothing is lost
 *     or the tokenizer cannot say
 * @param unknown words that the tokenizer has only spelled out byte by byte, or not at all, each
 *     once; see {@link ClipTokenizer#reading}
 */
public record TextReading(int tokens, int fits, String lost, List<String> unknown) {
    public TextReading {
        unknown = List.copyOf(unknown);
    }

    /** Whether the encoder reads only the text's beginning. */
    public boolean isCut() {
        return tokens > fits;
    }
}
