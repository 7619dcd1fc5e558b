package org.diffusionsoup.core.method;

import java.nio.file.Path;
import java.util.SequencedMap;

/**
 * A merge that was made.
 *
 * @param output the file or folder written
 * @param recipeSha256 SHA-256 of the tree's canonical JSON
 * @param inputs the checkpoints used, by name
 * @param tensors number of tensors written
 * @param parameters number of floating-point elements written
 * @param bytes size of the tensors written
 */
public record Merged(
        Path output,
        String recipeSha256,
        SequencedMap<String, Path> inputs,
        long tensors,
        long parameters,
        long bytes) {}
