package org.diffusionsoup.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * SHA-256 of files, remembered between runs: hashing takes longer than averaging, and ingredients
 * are averaged many times. A hash is reused only while path, size, time of last change (in
 * nanoseconds where the file system has them) and file key (the inode) are those it was computed
 * for, and only if the file had then been at rest for two seconds, so that a change within the
 * clock's grain cannot hide. Safe for use by several threads and processes.
 */
public final class HashCache {
    private static final long RACY_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final Optional<Path> folder;

    private HashCache(Optional<Path> folder) {
        this.folder = folder;
    }

    /** Remembers nothing: every file is read. */
    public static HashCache none() {
        return new HashCache(Optional.empty());
    }

    /** Remembers in this folder, one small file per hash; it is made when needed. */
    public static HashCache in(Path folder) {
        return new HashCache(Optional.of(folder));
    }

    /**
     * Hash of a file's bytes.
     *
     * @throws SoupIoException if the file cannot be read
     * @throws SoupException if it changed while it was being hashed
     */
    public String sha256(Path file) {
        if (folder.isEmpty()) {
            return Hashes.sha256(file);
        }
        try {
            Path real = file.toRealPath();
            Path entry =
                    folder.get()
                            .resolve(
                                    Hashes.sha256Hex(
                                            real.toString().getBytes(StandardCharsets.UTF_8)));
            String stamp = stamp(real);
            Optional<String> known = read(entry, stamp);
            if (known.isPresent()) {
                return known.get();
            }
            long changed = Files.getLastModifiedTime(real).to(TimeUnit.NANOSECONDS);
            boolean atRest = nowNanos() - changed > RACY_NANOS;
            String hash = Hashes.sha256(real);
            if (!stamp(real).equals(stamp)) {
                throw new SoupException(file + " changed while it was being hashed; try again.");
            }
            if (atRest) {
                remember(entry, hash + " " + stamp + "\n");
            }
            return hash;
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /** Whether {@link #sha256} would not have to read the file. */
    boolean knows(Path file) {
        if (folder.isEmpty()) {
            return false;
        }
        try {
            Path real = file.toRealPath();
            Path entry =
                    folder.get()
                            .resolve(
                                    Hashes.sha256Hex(
                                            real.toString().getBytes(StandardCharsets.UTF_8)));
            return read(entry, stamp(real)).isPresent();
        } catch (IOException e) {
            return false; // sha256() will say why.
        }
    }

    private static long nowNanos() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }

    private static String stamp(Path real) throws IOException {
        BasicFileAttributes a = Files.readAttributes(real, BasicFileAttributes.class);
        return a.size()
                + " "
                + a.lastModifiedTime().to(TimeUnit.NANOSECONDS)
                + " "
                + a.fileKey()
                + " "
                + real;
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
