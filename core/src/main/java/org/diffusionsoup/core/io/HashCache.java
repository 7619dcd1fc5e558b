package org.diffusionsoup.core.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.jspecify.annotations.Nullable;

/**
 * SHA-256 of files, remembered between runs: hashing takes longer than averaging, and ingredients
 * are averaged many times. A hash is reused only while path and {@link FileStamp} (size, times of
 * last change of content and of anything, in nanoseconds where the file system has them, and inode)
 * are those it was computed for, and only if the file had then been at rest for two seconds, so
 * that a change within the clock's grain cannot hide. Safe for use by several threads and
 * processes.
 */
public final class HashCache {
    private static final Duration RACY = Duration.ofSeconds(2);

    /** Of what is remembered; entries of another one are not believed. */
    private static final String VERSION = "2";

    private final Optional<Path> folder;
    private final Map<Path, String> known;

    private HashCache(Optional<Path> folder, Map<Path, String> known) {
        this.folder = folder;
        this.known = known;
    }

    /** Remembers nothing: every file is read. */
    public static HashCache none() {
        return new HashCache(Optional.empty(), Map.of());
    }

    /** Remembers in this folder, one small file per hash; it is made when needed. */
    public static HashCache in(Path folder) {
        return new HashCache(Optional.of(folder), Map.of());
    }

    /**
     * Takes these files' hashes as they are given, and remembers no others: for files of which only
     * a part is there, whose content the caller checks where it is.
     */
    public static HashCache known(Map<Path, String> hashes) {
        Map<Path, String> known = new HashMap<>();
        hashes.forEach((file, hash) -> known.put(plain(file), hash));
        return new HashCache(Optional.empty(), known);
    }

    private static Path plain(Path file) {
        return file.toAbsolutePath().normalize();
    }

    /**
     * Hash of a file's bytes.
     *
     * @throws SoupIoException if the file cannot be read
     * @throws SoupException if it changed while it was being hashed
     */
    public String sha256(Path file) {
        String given = known.get(plain(file));
        if (given != null) {
            return given;
        }
        if (folder.isEmpty()) {
            return Hashes.sha256(file);
        }
        try {
            Path real = file.toRealPath();
            Optional<String> before = read(entry(folder.get(), real), stamp(real));
            if (before.isPresent()) {
                return before.get();
            }
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
        Reading reading = reading(file);
        String hash = Hashes.sha256(file);
        reading.done(hash);
        return hash;
    }

    /** Whether {@link #sha256} would not have to read the file. */
    public boolean knows(Path file) {
        if (known.containsKey(plain(file))) {
            return true;
        }
        if (folder.isEmpty()) {
            return false;
        }
        try {
            Path real = file.toRealPath();
            return read(entry(folder.get(), real), stamp(real)).isPresent();
        } catch (IOException e) {
            return false; // sha256() will say why.
        }
    }

    /**
     * Begins to read a file that is hashed meanwhile.
     *
     * @throws SoupIoException if it is not there
     */
    public Reading reading(Path file) {
        return new Reading(file);
    }

    /** A file of which somebody reads all, for its hash among other things. */
    public final class Reading {
        private final Path file;
        private @Nullable Path real;
        private String stamp = "";
        private boolean atRest;

        private Reading(Path file) {
            this.file = file;
            if (folder.isEmpty()) {
                return;
            }
            try {
                Path where = file.toRealPath();
                FileStamp now = FileStamp.of(where);
                stamp = stamp(where, now);
                atRest = now.isAtRest(Instant.now(), RACY);
                real = where;
            } catch (IOException e) {
                throw new SoupIoException("read", file, e);
            }
        }

        /**
         * Remembers what was found.
         *
         * @throws SoupException if the file changed meanwhile
         */
        public void done(String hash) {
            if (folder.isEmpty() || real == null) {
                return;
            }
            try {
                if (!stamp(real).equals(stamp)) {
                    throw new SoupException(
                            file + " changed while it was being hashed; try again.");
                }
            } catch (IOException e) {
                throw new SoupIoException("read", file, e);
            }
            if (atRest) {
                remember(entry(folder.get(), real), hash + " " + stamp + "\n");
            }
        }
    }

    private static Path entry(Path folder, Path real) {
        return folder.resolve(Hashes.sha256Hex(real.toString().getBytes(StandardCharsets.UTF_8)));
    }

    private static String stamp(Path real) throws IOException {
        return stamp(real, FileStamp.of(real));
    }

    private static String stamp(Path real, FileStamp stamp) {
        return VERSION + " " + stamp.line() + " " + real;
    }

    private static Optional<String> read(Path entry, String stamp) {
        try {
            String text = Files.readString(entry);
            return text.length() > 65 && text.substring(65).strip().equals(stamp.strip())
                    ? Optional.of(text.substring(0, 64))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // Not remembered, or not readable: hash again.
        }
    }

    private static void remember(Path entry, String text) {
        try {
            AtomicFiles.write(entry, text.getBytes(StandardCharsets.UTF_8));
        } catch (SoupException e) {
            // A cache that cannot be written costs time, not correctness.
            return;
        }
    }
}
