package org.diffusionsoup.core.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;

/**
 * What something is made of, which must outlive it: with an ingredient in whose place its soup was
 * written nothing that holds it could be made again.
 */
public final class Inputs {
    private Inputs() {}

    /** How deep files lie in models, registries and data sets. */
    private static final int DEPTH = 5;

    /** What the name of a list of shards of weights ends in, whatever variant they are of. */
    private static final Pattern INDEX =
            Pattern.compile("(?s).+\\.(safetensors|bin)\\.index(\\.[A-Za-z0-9_]+)?\\.json");

    /**
     * Refuses an output that is one of the inputs, under whatever name, holds one or lies inside
     * one, whether or not what exists may be replaced. What an input only points to is as much of
     * it: the files that an index of shards names, and those that links in a folder lead to.
     *
     * @param inputs files or folders; what does not exist is in nobody's way
     * @param what an input is to what is made, such as {@code its ingredient}
     * @throws SoupException naming the output and the input
     */
    public static void keep(Path output, Collection<Path> inputs, String what) {
        for (Path input : inputs) {
            Path out = place(output);
            Path in = place(input);
            if (out.startsWith(in)
                    || in.startsWith(out)
                    || isSame(output, input)
                    || isShard(out, in)
                    || isLinked(out, in)) {
                throw new SoupException(
                        "Cannot write to %s: that is, holds or lies inside %s %s; name another `out`."
                                .formatted(output, what, input));
            }
        }
    }

    /** One of the files that an index beside it names. */
    private static boolean isShard(Path out, Path in) {
        if (!INDEX.matcher(String.valueOf(in.getFileName())).matches()
                || !Files.isRegularFile(in)
                || !Objects.equals(out.getParent(), in.getParent())) {
            return false;
        }
        try {
            return JsonValue.readObject(in).fields().get("weight_map") instanceof JsonObject map
                    && map.fields()
                            .containsValue(new JsonString(String.valueOf(out.getFileName())));
        } catch (SoupException e) {
            return false; // whoever opens it says what is wrong with it
        }
    }

    /** What a link in a folder leads to, as in the cache of the Hugging Face libraries. */
    private static boolean isLinked(Path out, Path in) {
        if (!Files.isRegularFile(out) || !Files.isDirectory(in)) {
            return false;
        }
        try (Stream<Path> all = Files.walk(in, DEPTH)) {
            return all.anyMatch(f -> Files.isSymbolicLink(f) && isSame(out, f));
        } catch (IOException | UncheckedIOException e) {
            return false; // whoever reads it says what is wrong with it
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
