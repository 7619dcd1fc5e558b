package org.diffusionsoup.core.lora;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * A LoRA that was written, and how far its updates are from those that it stands for.
 *
 * @param file where it lies
 * @param layers by component and tensor
 * @param relativeError of all updates together, see {@link Layer#relativeError}
 * @param leftOut norm of the differences that no update stands for, over that of all
 * @param bytes of the file
 * @param notes what is not in it, a sentence each
 */
public record MadeLora(
        Path file,
        List<Layer> layers,
        double relativeError,
        double leftOut,
        long bytes,
        List<String> notes) {
    public MadeLora {
        layers = List.copyOf(layers);
        notes = List.copyOf(notes);
    }

    /**
     * What of the error is due to the updates' ranks and rounding, and not to what was left out.
     */
    public double missedByRank() {
        return Math.sqrt(Math.max(0, relativeError * relativeError - leftOut * leftOut));
    }

    /**
     * One update.
     *
     * @param target the tensor it belongs to
     * @param rank of its factors; empty where the whole update is kept
     * @param norm Euclidean norm of the exact update
     * @param relativeError norm of the difference to the exact update, over that update's norm,
     *     after the factors were rounded to their dtype; 0 where a whole update is kept, each value
     *     of which is rounded once
     */
    public record Layer(LoraTarget target, OptionalInt rank, double norm, double relativeError) {}
}
