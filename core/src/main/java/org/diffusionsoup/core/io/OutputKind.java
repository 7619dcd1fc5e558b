package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;

/**
 * A kind of thing that commands make, and the guard in front of what stands where one is to go: a
 * path is replaced only by its own kind, whatever was allowed otherwise, and never where it belongs
 * to Diffusion Soup itself ({@link ProjectFiles}). Empty files and folders hold nothing to lose and
 * may be replaced by anything.
 *
 * @param noun with article, such as {@code "a model"}
 * @param endings of names that say this kind, in lower case with their dot; a name with an ending
 *     of another format is refused, since the file would not hold what its name says, and so is one
 *     without an ending, since nothing would say what it holds; models alone may have any name, as
 *     they may be folders. Empty for folders
 * @param isOne whether what is at a path is of this kind, by its content; asked of existing paths
 *     only
 * @param listed whether a folder of this kind is replaced as a whole and keeps a list of what was
 *     written there: with anything else in it, it is not replaced
 * @param stranger what in a folder keeps it from being of this kind, in words; empty where it is
 *     nothing like it
 */
public record OutputKind(
        String noun,
        List<String> endings,
        Predicate<Path> isOne,
        boolean listed,
        Function<Path, Optional<String>> stranger) {
    private static final String EVEN_SO = ", not even with `force`";

    /** Among a kind's endings: names without the ending of any format will do, too. */
    public static final String ANY = "";

    /** The ending of a kept sum's folder. */
    public static final String SUM_ENDING = ".sum";

    /** The file in a kept sum that lists the others. */
    public static final String SUM_INDEX = "sum.json";

    /** A PNG picture. */
    public static final OutputKind PNG = file("a PNG picture", ".png", FileContent.PNG);

    /** A page in HTML. */
    public static final OutputKind HTML =
            new OutputKind(
                    "an HTML page",
                    List.of(".html", ".htm"),
                    f -> FileContent.of(f) == FileContent.HTML);

    /** A drawing in SVG. */
    public static final OutputKind SVG = file("an SVG drawing", ".svg", FileContent.SVG);

    /** A text in JSON. */
    public static final OutputKind JSON = file("a JSON file", ".json", FileContent.JSON);

    /** A shard; a tar of other things is none. */
    public static final OutputKind TAR =
            new OutputKind("a shard", List.of(".tar"), ShardTars::isOne);

    /** A folder of shards, one tar each. */
    public static final OutputKind TARS =
            new OutputKind(
                    "a folder of shards",
                    List.of(),
                    folder ->
                            holds(
                                    folder,
                                    f ->
                                            f.endsWith(FolderList.NAME)
                                                    || Files.isRegularFile(f)
                                                            && ShardTars.isOne(f)));

    /** Endings of formats that people know; a file named so is expected to hold just that. */
    private static final Set<String> FORMATS =
            Set.of(
                    ("safetensors ckpt pt pth bin onnx gguf ggml h5 msgpack npz npy pkl sum"
                                    + " png jpg jpeg webp gif avif bmp tif tiff svg pdf html htm"
                                    + " json jsonl csv tsv yaml yml txt md xml toml"
                                    + " tar gz tgz zip 7z xz zst parquet arrow"
                                    + " sh py java jar class exe so")
                            .split(" "));

    public OutputKind {
        endings = List.copyOf(endings);
    }

    /** A file, or a folder that keeps a list of what was written there. */
    public OutputKind(String noun, List<String> endings, Predicate<Path> isOne) {
        this(noun, endings, isOne, true, folder -> Optional.empty());
    }

    /**
     * A kind that is a folder without a list of its files: some are added to it at times, or it is
     * one of the program's own in a working folder.
     */
    public static OutputKind unlisted(String noun, Predicate<Path> isOne) {
        return new OutputKind(noun, List.of(), isOne, false, folder -> Optional.empty());
    }

    /** A kind that is a folder with a certain file in it. */
    public static OutputKind folderWith(String noun, String file) {
        return new OutputKind(noun, List.of(), f -> Files.isRegularFile(f.resolve(file)));
    }

    private static OutputKind file(String noun, String ending, FileContent content) {
        return new OutputKind(noun, List.of(ending), f -> FileContent.of(f) == content);
    }

    private static boolean holds(Path folder, Predicate<Path> only) {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.allMatch(only);
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    /**
     * Checks a place where this kind of thing is to be written, before any work is done.
     *
     * @param out the file or folder to make
     * @param replace whether one of this kind that is there already may be replaced
     * @throws SoupException if the name's ending says another format, if something of another kind
     *     or of the project itself is there, or something of this kind that may not be replaced
     */
    public void check(Path out, boolean replace) {
        checkPlace(out, EVEN_SO);
        if (replace) {
            ProjectFiles.checkShipped(out);
        } else {
            checkFree(out, ", or add `force` to replace it");
        }
    }

    /** As {@link #check}, for outputs that never replace anything. */
    public void checkNew(Path out) {
        if (!out.toString().isBlank() && Files.exists(out) && isOne.test(out)) {
            ProjectFiles.check(out);
            checkFree(out, ""); // what else lies in a folder makes no difference
        }
        checkPlace(out, "");
        checkFree(out, "");
    }

    private static void checkFree(Path out, String orElse) {
        if (Files.exists(out)) {
            throw new SoupException(
                    "%s exists already; name another `out`%s.".formatted(out, orElse));
        }
    }

    /** As {@link #check}, for commands that always replace an earlier output of their own kind. */
    public void checkOwn(Path out) {
        checkPlace(out, "");
    }

    /**
     * What is there counts more than that the name says nothing, and less than that it is wrong.
     */
    private void checkPlace(Path out, String force) {
        boolean named = ending(out).isPresent();
        if (named) {
            checkEnding(out);
        }
        checkThere(out, force);
        if (!named) {
            checkEnding(out);
        }
    }

    /** As {@link #checkOwn}, whatever the name's ending. */
    public void checkReplaceable(Path out) {
        checkThere(out, EVEN_SO);
    }

    /**
     * The same of a command that may have no {@code --force}.
     *
     * @param force what to say of it after "it is not replaced"
     */
    void checkThere(Path out, String force) {
        if (out.toString().isBlank()) {
            throw new SoupException("The output has no name; name what is to be written.");
        }
        ProjectFiles.check(out);
        AtomicFiles.refuseLink(out);
        AtomicFiles.checkFolder(out);
        refuseInsideSum(out);
        if (!Files.exists(out, LinkOption.NOFOLLOW_LINKS) || FileContent.isEmpty(out)) {
            return;
        }
        if (isOne.test(out)) {
            if (listed && Files.isDirectory(out) && !ProjectFiles.isShipped(out)) {
                FolderList.foreign(out)
                        .ifPresent(why -> {
                            throw new SoupException(
                                    "%s %s; it is not replaced%s. Name another `out`, or move it away yourself."
                                            .formatted(out, why, force));
                        });
            }
            return;
        }
        String holds = stranger.apply(out).map(f -> " and holds " + f).orElse("");
        throw new SoupException(
                "%s is %s%s, not %s; it is not replaced%s. Name another `out`, or move it away yourself."
                        .formatted(out, FileContent.describe(out), holds, noun, force));
    }

    /** With anything else in it, a kept sum could not be replaced any more. */
    private static void refuseInsideSum(Path out) {
        for (Path p = Inputs.place(out).getParent(); p != null; p = p.getParent()) {
            if (p.toString().endsWith(SUM_ENDING) && Files.isRegularFile(p.resolve(SUM_INDEX))) {
                throw new SoupException(
                        "%s lies inside %s, a kept sum, which holds nothing else; name another `out`."
                                .formatted(out, p));
            }
        }
    }

    /**
     * Checks that a name says the format that will be written, and no other.
     *
     * @throws SoupException naming what to write instead
     */
    public void checkEnding(Path out) {
        String ending = ending(out).orElse("");
        if (endings.contains(ending) || endings.isEmpty() && ending.isEmpty()) {
            return;
        }
        String name = String.valueOf(out.getFileName());
        if (ending.isEmpty()) {
            throw new SoupException(
                    "%s would hold %s, which its name does not say; name it %s."
                            .formatted(out, noun, out.resolveSibling(name + endings.getFirst())));
        }
        String bare = name.substring(0, name.length() - ending.length());
        if (endings.isEmpty()) {
            throw new SoupException(
                    "%s names a file, and %s is made here; name a folder, such as %s."
                            .formatted(out, noun, out.resolveSibling(bare)));
        }
        throw new SoupException(
                "%s would hold %s, which its ending %s does not say; only %s is written here. Name it %s."
                        .formatted(
                                out,
                                noun,
                                ending,
                                endings.getFirst(),
                                out.resolveSibling(bare + endings.getFirst())));
    }

    /** The ending of a path's name with its dot, in lower case, if it is that of a known format. */
    public static Optional<String> ending(Path path) {
        String name = String.valueOf(path.getFileName());
        int dot = name.lastIndexOf('.');
        if (dot <= 0) {
            return Optional.empty();
        }
        String ending = name.substring(dot + 1).toLowerCase(Locale.ROOT);
        return FORMATS.contains(ending) ? Optional.of("." + ending) : Optional.empty();
    }
}
