package org.diffusionsoup.core.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;

/** Checkpoints of a training that has not written its model yet, beside the place of the model. */
public final class UnfinishedTraining {
    private static final String ENDING = ".training";

    /** What a training keeps there; a model may lie in a folder of such a name too. */
    private static final String STATE = "training-state.safetensors";

    private UnfinishedTraining() {}

    /**
     * Where a training keeps its checkpoints until it is finished: {@code OUT.training} beside
     * {@code OUT}.
     */
    public static Path folderOf(Path out) {
        return out.resolveSibling(out.getFileName() + ENDING);
    }

    /**
     * A sentence about a model that is not there because its training has not ended, or of whose
     * training the checkpoints were named; empty where a path is something else.
     */
    public static Optional<String> sentence(Path model) {
        Path absolute = model.toAbsolutePath().normalize();
        if (absolute.getFileName() == null) {
            return Optional.empty();
        }
        String name = absolute.getFileName().toString();
        if (name.endsWith(ENDING) && Files.exists(model.resolve(STATE))) {
            return Optional.of(
                    "%s holds the checkpoints of a training that has not ended, not a model; the same soup train command goes on and makes %s."
                            .formatted(model, name.substring(0, name.length() - ENDING.length())));
        }
        if (!Files.exists(model) && Files.isDirectory(folderOf(absolute))) {
            return Optional.of(
                    "There is no model %s yet: its training has not ended (it is in %s). Wait for it where it runs; where it was stopped, the same soup train command goes on and makes it."
                            .formatted(model, name + ENDING));
        }
        return Optional.empty();
    }

    /**
     * Refuses such a path.
     *
     * @throws SoupException with that sentence
     */
    public static void refuse(Path model) {
        Optional<String> sentence = sentence(model);
        if (sentence.isPresent()) {
            throw new SoupException(sentence.get());
        }
    }
}
