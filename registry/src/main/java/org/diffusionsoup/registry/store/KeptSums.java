package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;

/** The exact sums that a store keeps of soups, each a folder of a few files. */
record KeptSums(StoreLayout layout) {
    private static final String SUM_FILE = ".safetensors";
    private static final String SUM_EXCEPTIONS = ".exceptions.safetensors";

    /** A sum has a few files; a folder with more is none. */
    private static final int MOST_SUM_FILES = 1000;

    /**
     * Moves a sum here, unless the soup has one.
     *
     * @param hashes SHA-256 of its files by name
     * @return the hashes; empty if the sum that stays is another
     */
    TreeMap<String, String> keep(Path made, String id, TreeMap<String, String> hashes) {
        Path target = layout.sum(id);
        Inside.make(layout.folder(), StoreLayout.SUMS);
        if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)
                && Trees.moveUnlessThere(made, target)) {
            return hashes;
        }
        return hashes.equals(hashes(target)) ? hashes : new TreeMap<>();
    }

    /** SHA-256 of a sum's files by name; none if there is no such folder. */
    static TreeMap<String, String> hashes(Path sum) {
        TreeMap<String, String> hashes = new TreeMap<>();
        if (!Files.isDirectory(sum, LinkOption.NOFOLLOW_LINKS)) {
            return hashes;
        }
        files(sum).parallelStream()
                .map(f ->
                        List.of(
                                f.getFileName().toString(),
                                Trees.isFile(f) ? Hashes.sha256(f) : "no file"))
                .toList()
                .forEach(p -> hashes.put(p.get(0), p.get(1)));
        return hashes;
    }

    /**
     * Completes the hashes of a new sum's files.
     *
     * @param hashes by name, of those that were hashed while they were written
     */
    static void addHashes(TreeMap<String, String> hashes, Path sum) {
        for (Path f : files(sum)) {
            hashes.computeIfAbsent(f.getFileName().toString(), n -> Hashes.sha256(f));
        }
    }

    private static List<Path> files(Path sum) {
        try (Stream<Path> all = Files.list(sum)) {
            return all.limit(MOST_SUM_FILES).sorted().toList();
        } catch (IOException e) {
            throw new SoupIoException("read", sum, e);
        }
    }

    /** Whether a sum has all its files, those that are small with the content they should have. */
    boolean hasAllBut(String id, Map<String, String> hashes) {
        Path sum = layout.sum(id);
        if (!Files.isDirectory(sum, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        List<Path> files = files(sum);
        return files.size() == hashes.size()
                && files.stream()
                        .allMatch(f -> {
                            String name = f.getFileName().toString();
                            String wanted = hashes.get(name);
                            boolean large =
                                    name.endsWith(SUM_FILE) && !name.endsWith(SUM_EXCEPTIONS);
                            return wanted != null
                                    && Trees.isFile(f)
                                    && (large || Hashes.sha256(f).equals(wanted));
                        });
    }

    void delete(String id) {
        Inside.delete(layout.folder(), StoreLayout.SUMS, id);
    }
}
