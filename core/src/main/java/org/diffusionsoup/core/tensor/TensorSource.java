package org.diffusionsoup.core.tensor;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.core.SoupException;

/**
 * Named tensors whose bytes can be read in any order: a safetensors file, a sharded set of them, or
 * a PyTorch file. Nothing but the description is held in memory. Safe for use by several threads
 * until closed.
 */
public interface TensorSource extends AutoCloseable {
    /** The file that a message about this source names; of a sharded set, its index. */
    Path path();

    /** The header's text entries, empty if it has none; unmodifiable. */
    Map<String, String> metadata();

    /** What was found beside the tensors and left out, a sentence each; mostly empty. */
    default List<String> notes() {
        return List.of();
    }

    /**
     * All tensors by name, unmodifiable. {@link TensorInfo#offset} counts from the start of the
     * file the tensor lies in, and is of no use to callers.
     */
    SequencedMap<String, TensorInfo> tensors();

    /** The files that hold the tensors, in name order. */
    List<Path> files();

    /**
     * Reads part of a tensor: little-endian, row major.
     *
     * @param tensor its name
     * @param from first byte, counted from the start of the tensor's data
     * @param into receives {@code into.byteSize()} bytes; native memory
     * @throws SoupException if there is no such tensor, it has fewer bytes, the file changed since
     *     it was opened, or it cannot be read
     */
    void read(String tensor, long from, MemorySegment into);

    /**
     * One tensor's description.
     *
     * @throws SoupException if there is no tensor of that name
     */
    default TensorInfo tensor(String name) {
        TensorInfo info = tensors().get(name);
        if (info == null) {
            throw new SoupException("No tensor '" + name + "' in " + path() + ".");
        }
        return info;
    }

    /**
     * Asks whether its files are still the ones that were opened: the same identity, size and time
     * of last change. To be called after the last {@link #read} of work whose result depends on all
     * of them being of one state.
     *
     * @throws SoupException naming the file that changed, was replaced or is gone
     */
    default void checkUnchanged() {}

    /** Releases files and memory. Closing twice is harmless. */
    @Override
    void close();
}
