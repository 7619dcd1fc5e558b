package org.diffusionsoup.core.checkpoint;

import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupException;

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

    /** Whether a file of tensors of these names is one and nothing else. */
    public static boolean isOne(Set<String> names) {
        boolean word =
                names.size() == 1
                        && names.stream().allMatch(n -> n.matches("(?s)<.+>")); // diffusers
        return !names.isEmpty() && (word || ARE.containsAll(names));
    }

    /**
     * Refuses one where a model is needed.
     *
     * @param names of the file's tensors
     * @param file its name
     * @throws SoupException if it is one
     */
    public static void refuse(Set<String> names, String file) {
        if (isOne(names)) {
            throw new SoupException(
                    "%s is a textual inversion (tensor '%s'), the embedding of a new word for a text encoder, and no model; name the model's file or folder."
                            .formatted(file, names.iterator().next()));
        }
    }

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
