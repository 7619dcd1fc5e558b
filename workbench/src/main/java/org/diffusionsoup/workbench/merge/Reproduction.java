package org.diffusionsoup.workbench.merge;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint that was made again from its recipe.
 *
 * @param file the checkpoint
 * @param inputs what it was made of again, in the recipe's order
 * @param files what the comparison says of each of its files
 * @param madeBy version that the header names
 * @param out the checkpoint made again, where it was asked for
 */
public record Reproduction(
        Path file, List<Found> inputs, List<Compared> files, String madeBy, Optional<Path> out) {
    /** An input of the recipe and where it was found. */
    public record Found(String name, Path path) {}

    /** How a file compares with the one made again. */
    public enum Verdict {
        /** Byte for byte. */
        IDENTICAL,
        /** Metadata and tensors, but they are spread over other files. */
        IDENTICAL_CONTENT,
        /** The tensors, but not the header's metadata. */
        OTHER_HEADER,
        /** Neither. */
        DIFFERENT
    }

    /**
     * One file.
     *
     * @param name relative to a folder; of a single file its own
     */
    public record Compared(String name, Verdict verdict) {}

    public Reproduction {
        inputs = List.copyOf(inputs);
        files = List.copyOf(files);
    }

    /** Whether all of it is as it was. */
    public boolean isIdentical() {
        return files.stream()
                .allMatch(f ->
                        f.verdict() == Verdict.IDENTICAL
                                || f.verdict() == Verdict.IDENTICAL_CONTENT);
    }
}
