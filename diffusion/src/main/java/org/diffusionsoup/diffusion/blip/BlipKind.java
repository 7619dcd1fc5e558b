package org.diffusionsoup.diffusion.blip;

import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.tensor.TensorSource;

/** The two models that are made of a BLIP, told apart by the names of their tensors. */
enum BlipKind {
    /** ImageReward, which scores how well a picture suits a text. */
    REWARD("an ImageReward, which scores pictures", "imagereward", "mlp.layers."),
    /** BLIP for visual question answering, which TIFA asks. */
    VQA("a BLIP that answers questions", "tifa", "text_decoder.");

    private final String words;
    private final String form;
    private final String prefix;

    BlipKind(String words, String form, String prefix) {
        this.words = words;
        this.form = form;
        this.prefix = prefix;
    }

    /**
     * Refuses weights that are plainly of the other kind; whatever else is wrong with them, whoever
     * loads them says.
     *
     * @param named what was given, for the message
     */
    void refuseOther(TensorSource weights, Path named) {
        for (BlipKind other : values()) {
            if (other != this && !isIn(weights) && other.isIn(weights)) {
                throw new SoupException(
                        "%s is %s, not %s; name it as %s:%s."
                                .formatted(named, other.words, words, other.form, named));
            }
        }
    }

    private boolean isIn(TensorSource weights) {
        return weights.tensors().keySet().stream().anyMatch(name -> name.startsWith(prefix));
    }
}
