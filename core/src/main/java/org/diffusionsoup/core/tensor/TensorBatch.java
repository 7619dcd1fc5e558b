package org.diffusionsoup.core.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.List;

/**
 * Writes the bytes of many tensors together, in any order and by several threads, each piece to its
 * place in the file.
 */
public interface TensorBatch {
    /** Bytes that one batch can write. */
    interface Member extends TensorBytes {
        TensorBatch batch();
    }

    /**
     * @param bytes of this batch
     * @param position of their first byte in the file
     */
    record Place(TensorBytes bytes, long position) {}

    /**
     * Writes all of these tensors' bytes, or fails.
     *
     * @param file open for writing; its own position is not used and not changed
     */
    void write(List<Place> places, FileChannel file) throws IOException;
}
