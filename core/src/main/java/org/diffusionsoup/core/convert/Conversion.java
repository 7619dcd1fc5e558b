package org.diffusionsoup.core.convert;

import java.nio.file.Path;
import java.util.List;
import org.diffusionsoup.core.checkpoint.Architecture;

/**
 * What a conversion made.
 *
 * @param output the file or folder
 * @param architecture of the model
 * @param tensors how many were written
 * @param bytes of their data
 * @param leftOut names of the input's tensors that the other layout has no place for
 * @param notes what was assumed, each a sentence
 * @param recipe whether the input's recipe is carried in the output's, which says that it was
 *     converted
 */
public record Conversion(
        Path output,
        Architecture architecture,
        int tensors,
        long bytes,
        List<String> leftOut,
        List<String> notes,
        boolean recipe) {
    public Conversion {
        leftOut = List.copyOf(leftOut);
        notes = List.copyOf(notes);
    }
}
