package org.diffusionsoup.diffusion.text;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * When an added token is cut out of a text, as the flags of transformers' {@code AddedToken} say.
 * Its {@code special} and {@code normalized} change nothing in a tokenizer that is CLIP's.
 *
 * @param singleWord {@code single_word}: not where something other than a space touches it
 * @param stripsLeft {@code lstrip}: blanks before it are taken away
 * @param stripsRight {@code rstrip}: blanks behind it are taken away
 */
record SplitRule(boolean singleWord, boolean stripsLeft, boolean stripsRight) {
    /** Everywhere, which is what a token without flags means. */
    static final SplitRule EVERYWHERE = new SplitRule(false, false, false);

    /** A token is written either as a string or as an object with its flags. */
    static SplitRule of(JsonNode token) {
        return new SplitRule(
                token.path("single_word").asBoolean(),
                token.path("lstrip").asBoolean(),
                token.path("rstrip").asBoolean());
    }
}
