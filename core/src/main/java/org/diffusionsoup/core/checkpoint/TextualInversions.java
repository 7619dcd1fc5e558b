package org.diffusionsoup.core.checkpoint;

import java.util.Optional;
import java.util.Set;

/**
 * Embeddings of new words for a text encoder (Gal et al. 2022), which are not read by themselves: a
 * pipeline that they were saved into has them in its tokenizer and text encoder.
 */
public final class TextualInversions {
    /** Names of their tensors, in files of web interfaces for SD 1.x and 2.x, and of SDXL. */
    static final Set<String> ARE = Set.of("emb_params", "clip_l", "clip_g");

    /** What OneTrainer puts before them in a LoRA's file. */
    private static final String BUNDLED = "bundle_emb.";

    private TextualInversions() {}

    /** What a tensor of one is, in words that go on after "is"; empty for any other tensor. */
    public static Optional<String> what(String tensor) {
        if (tensor.startsWith(BUNDLED)) {
            return Optional.of(
                    "a textual inversion that was bundled with it, which is not read; save the LoRA"
                            + " without");
        }
        return ARE.contains(tensor)
                ? Optional.of(
                        "a textual inversion's, the embedding of a new word: those are not read by"
                                + " themselves, only in pipelines that they were saved into")
                : Optional.empty();
    }
}
