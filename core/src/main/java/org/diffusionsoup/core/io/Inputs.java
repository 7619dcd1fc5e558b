package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * What something is made of, which must outlive it: with an ingredient in whose place its soup was
 * written nothing that holds it could be made again.
 */
public final class Inputs {
    private Inputs() {}

    /**
     * Refuses an output that is one of the inputs, under whatever name, holds one or lies inside
     * one, whether or not what exists may be replaced.
     *
     * @param inputs files or folders; what does not exist is in nobody's way
     * @param what an input is to what is made, such as {@code its ingredient}
     * @throws SoupException naming the output and the input
     */
    public static void keep(Path output, Collection<Path> inputs, String what) {
        for (Path input : inputs) {
            Path out = place(output);
            Path in = place(input);
            if (out.startsWith(in) || in.startsWith(out) || isSame(output, input)) {
                throw new SoupException(
                        "Cannot write to %s: that is, holds or lies inside %s %s; name another `out`."
                                .formatted(output, what, input));
            }
        }
    }

    /** Where a path leads, links of its folders followed; what does not exist yet has none. */
    static Path place(Path path) {
        Path whole = path.toAbsolutePath().normalize();
        Path there = whole;
        while (there != null && !Files.exists(there)) {
            there = there.getParent();
        }
        try {
            return there == null ? whole : there.toRealPath().resolve(there.relativize(whole));
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** Whether both are there and the same file or folder, under whatever names. */
    public static boolean isSame(Path one, Path other) {
        try {
            return Files.exists(one) && Files.exists(other) && Files.isSameFile(one, other);
        } catch (IOException e) {
            throw new SoupIoException("read", one, e);
        }
    }
}
