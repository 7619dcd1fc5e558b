package org.diffusionsoup.core.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;

/** Writes the bytes of a state dict's tensors to their places in a file, in any order. */
@FunctionalInterface
public interface TensorStreamer {
    /**
     * Writes all bytes of these tensors, or fails.
     *
     * @param target what the file will be called, for messages
     * @param tensors some of the state dict's, in the file's order; {@link TensorInfo#offset} is
     *     where the bytes of each belong
     * @param file open for writing, of no certain position, neither before nor afterwards
     */
    void write(Path target, List<TensorInfo> tensors, FileChannel file) throws IOException;
}
