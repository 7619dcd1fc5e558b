package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;

/**
 * Files and folders of a cache that are made once and used again, such as trained models. What each
 * holds is recorded when it was made, and checked before it is used: what is damaged is removed and
 * told of, so that it is made anew. What was made by a version that recorded nothing is taken as it
 * is, and recorded then.
 *
 * <p>Records lie in the folder {@code kept} of the cache, one per file or folder, in the form that
 * {@code sha256sum -c} reads in the cache. A file that did not change since the last look is not
 * read again, see {@link HashCache}. For several processes, not for several threads.
 */
public final class KeptFiles {
    private static final int HEX = 64;

    private final Path cache;
    private final Path records;
    private final HashCache hashes;
    private final Predicate<Path> counts;
    private final Consumer<String> notes;
    private final Set<Path> checked = new HashSet<>();

    /**
     * @param cache folder that holds what is kept
     * @param counts whether a file of a kept folder is a part of what it is; others, such as a
     *     protocol of how it was made, may change
     * @param notes told a sentence that names what is damaged
     */
    public KeptFiles(Path cache, Predicate<Path> counts, Consumer<String> notes) {
        this.cache = plain(cache);
        this.counts = counts;
        this.notes = notes;
        records = this.cache.resolve("kept");
        hashes = HashCache.in(records.resolve("stamps"));
    }

    private static Path plain(Path path) {
        return path.toAbsolutePath().normalize();
    }

    /**
     * Whether something is there and holds what it held when it was made. What does not is removed.
     *
     * @param made a file or a folder in the cache
     * @throws SoupIoException if it cannot be read or removed
     */
    public boolean has(Path made) {
        Path path = plain(made);
        if (!Files.exists(path)) {
            return false;
        }
        if (checked.contains(path)) {
            return true;
        }
        Path record = record(path);
        if (!Files.exists(record)) {
            keep(path);
            return true;
        }
        Optional<String> damage = damage(record);
        if (damage.isEmpty()) {
            checked.add(path);
            return true;
        }
        notes.accept(
                "In the cache, %s is damaged: %s; it is made anew.".formatted(made, damage.get()));
        // The record last: a half removed folder must not be taken for one that has none.
        AtomicFiles.deleteQuietly(path);
        try {
            if (!Files.exists(path)) {
                Files.deleteIfExists(record);
            }
        } catch (IOException e) {
            throw new SoupIoException("remove", record, e);
        }
        return false;
    }

    /**
     * Records what has just been made.
     *
     * @param made a file or a folder in the cache
     * @throws SoupIoException if it cannot be read
     */
    public void keep(Path made) {
        Path path = plain(made);
        StringBuilder lines = new StringBuilder();
        for (Path file : files(path)) {
            String name = cache.relativize(file).toString().replace('\\', '/');
            lines.append(hashes.sha256(file)).append("  ").append(name).append('\n');
        }
        AtomicFiles.write(record(path), lines.toString().getBytes(StandardCharsets.UTF_8));
        checked.add(path);
    }

    private Path record(Path made) {
        return records.resolve(made.getFileName() + ".sha256");
    }

    private List<Path> files(Path made) {
        if (Files.isRegularFile(made)) {
            return List.of(made);
        }
        try (Stream<Path> all = Files.walk(made)) {
            return all.filter(Files::isRegularFile).filter(counts).sorted().toList();
        } catch (IOException e) {
            throw new SoupIoException("read", made, e);
        }
    }

    /** What is wrong, of the first file that is not as recorded. */
    private Optional<String> damage(Path record) {
        List<String> lines;
        try {
            lines = Files.readAllLines(record);
        } catch (IOException e) {
            return Optional.of("its record " + record + " cannot be read");
        }
        for (String line : lines) {
            if (line.length() <= HEX + 2) {
                return Optional.of("its record " + record + " is damaged");
            }
            String name = line.substring(HEX + 2);
            Path file = cache.resolve(name);
            if (!Files.isRegularFile(file)) {
                return Optional.of(name + " is missing");
            }
            if (!hashes.sha256(file).equals(line.substring(0, HEX))) {
                return Optional.of(name + " is not what was written");
            }
        }
        return lines.isEmpty()
                ? Optional.of("its record " + record + " is empty")
                : Optional.empty();
    }
}
