package org.diffusionsoup.core.method;

import java.nio.file.Path;
import java.util.SequencedMap;

/**
 * A merge that was made.
 *
 * @param output the file or folder written
 * @param recipeSha256 SHA-256 of the tree's JSON, see {@link RecipeWriter}
 * @param inputs the checkpoints used, by name
 * @param tensors number of tensors written
 * @param parameters number of floating-point elements written
 * @param bytes size of the tensors written
 * @param copied which tensors are the first weights' alone, as the policy asked for, in a sentence;
 *     empty where none are
 */
public record Merged(
        Path output,
        String recipeSha256,
        SequencedMap<String, Path> inputs,
        long tensors,
        long parameters,
        long bytes,
        String copied) {}
