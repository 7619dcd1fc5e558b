package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;
import org.jspecify.annotations.Nullable;

/** Files named by the SHA-256 of their content. */
final class Objects {
    /** What is behind the hash in the name of a damaged object that was put aside. */
    static final String DAMAGED = ".damaged";

    private static final int BUFFER = 1 << 20;
    private static final int FLUSHES = 16;
    private static final int THREADS = Math.min(8, Runtime.getRuntime().availableProcessors());

    private final Path store;
    private final Path folder;
    private final Path temporary;

    /** Objects to read that have no name yet. */
    private final @Nullable Batch staged;

    Objects(Path store) {
        this(store, null);
    }

    /** With those of a batch that was not committed yet, to read. */
    Objects(Path store, @Nullable Batch staged) {
        this.store = store;
        this.folder = store.resolve(StoreLayout.OBJECTS);
        this.temporary = store.resolve(StoreLayout.WORK);
        this.staged = staged;
    }

    Path file(String sha256) {
        Path unnamed = staged == null ? null : staged.unnamed(sha256);
        return unnamed != null ? unnamed : folder.resolve(sha256.substring(0, 2)).resolve(sha256);
    }

    /** Where the damaged bytes of an object are that were put aside. */
    Path damaged(String sha256) {
        return folder.resolve(sha256.substring(0, 2)).resolve(sha256 + DAMAGED);
    }

    /** A range of a file that is to become an object. */
    record Range(long from, long size, String kind) {}

    /** Objects of one checkpoint, which get their names together once they are on the disk. */
    final class Batch implements AutoCloseable {
        /** Files written so far, by their hashes. */
        private final Map<String, Written> written = new ConcurrentHashMap<>();

        /** Sends files to the disk that are whole while others are still being written. */
        private final ExecutorService flushing = Executors.newFixedThreadPool(FLUSHES);

        /**
         * @param flushed ends when the file is on the disk
         */
        private record Written(Path temp, Future<?> flushed) {}

        /** Where an object is that was not committed yet; null if this has none. */
        @Nullable Path unnamed(String sha256) {
            Written w = written.get(sha256);
            return w == null ? null : w.temp();
        }

        /** A new file to write an object to, which has no name of its own yet. */
        Path temporary() {
            Inside.make(store, StoreLayout.WORK);
            return temporary.resolve(UUID.randomUUID() + ".object");
        }

        /**
         * Adds an object that was written to a {@link #temporary} file, or drops the file if there
         * is such an object.
         *
         * @param hash SHA-256 of its bytes
         */
        void add(Path temp, String hash, long size) throws IOException {
            boolean kept = false;
            try {
                Path target = file(hash);
                boolean there = Trees.isFile(target) && Files.size(target) == size;
                if (!there) {
                    // one at a time: of two equal objects the second is not needed
                    synchronized (this) {
                        if (!written.containsKey(hash)) {
                            written.put(
                                    hash, new Written(temp, flushing.submit(() -> flush(temp))));
                            kept = true;
                        }
                    }
                }
            } finally {
                if (!kept) {
                    Trees.delete(temp);
                }
            }
        }

        private static boolean flush(Path temp) throws IOException {
            try (FileChannel c = FileChannel.open(temp, StandardOpenOption.WRITE)) {
                c.force(true);
            }
            return true;
        }

        /** Adds ranges of a file, or finds them present; several at a time. */
        List<Piece> put(Path source, List<Range> ranges) throws IOException {
            Inside.make(store, StoreLayout.WORK);
            try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ)) {
                return sideBySide(THREADS, "store " + source, ranges, r -> put(in, r));
            }
        }

        /**
         * One pass over the range: what turns out to be there already was written in vain, which
         * costs less than reading everything else twice.
         */
        private Piece put(FileChannel in, Range r) throws IOException {
            Path temp = temporary.resolve(UUID.randomUUID() + ".object");
            String hash = "";
            try (FileChannel out =
                    FileChannel.open(
                            temp, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                hash = copy(in, r.from(), r.size(), out, 0);
            } finally {
                if (hash.isEmpty()) {
                    Trees.delete(temp);
                }
            }
            add(temp, hash, r.size());
            return new Piece(hash, r.size(), r.kind());
        }

        /**
         * Names everything, once it is on the disk. Flushed side by side: a disk's journal takes
         * many flushes at once in about the time of one.
         */
        void commit() {
            for (Written w : written.values()) {
                try {
                    w.flushed().get();
                } catch (ExecutionException e) {
                    throw new StoreException("Cannot flush an object to disk: " + e.getCause());
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new StoreException("Interrupted: cannot flush an object to disk.");
                }
            }
            Set<Path> folders = new TreeSet<>();
            written.forEach((hash, w) -> {
                Path target = file(hash);
                Path parent = Inside.make(store, StoreLayout.OBJECTS, hash.substring(0, 2));
                try {
                    Files.move(
                            w.temp(),
                            target,
                            StandardCopyOption.ATOMIC_MOVE,
                            StandardCopyOption.REPLACE_EXISTING);
                } catch (IOException e) {
                    throw new SoupIoException("write", target, e);
                }
                folders.add(parent);
            });
            all(folders, Trees::sync);
            if (!folders.isEmpty()) {
                Trees.sync(folder);
            }
            written.clear();
        }

        private static <T> void all(Collection<T> items, AtomicFiles.IoConsumer<T> work) {
            try {
                sideBySide(
                        FLUSHES,
                        "flush an object to disk",
                        items,
                        item -> {
                            work.accept(item);
                            return true;
                        });
            } catch (IOException e) {
                throw new StoreException("Cannot flush an object to disk: " + e);
            }
        }

        @Override
        public void close() {
            flushing.shutdownNow();
            written.values().forEach(w -> Trees.delete(w.temp()));
        }
    }

    /** Work that may fail in a file. */
    interface IoFunction<T, R> {
        R apply(T item) throws IOException;
    }

    /**
     * Does the same with every item, several at a time.
     *
     * @param what is done, for messages
     * @return the results in the items' order
     */
    static <T, R> List<R> sideBySide(
            int threads, String what, Collection<T> items, IoFunction<T, R> work)
            throws IOException {
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<R>> running = new ArrayList<>();
            for (T item : items) {
                running.add(pool.submit(() -> work.apply(item)));
            }
            List<R> results = new ArrayList<>();
            try {
                for (Future<R> f : running) {
                    results.add(f.get());
                }
            } catch (ExecutionException e) {
                pool.shutdownNow();
                switch (e.getCause()) {
                    case IOException io -> throw io;
                    case SoupException known -> throw known;
                    case null, default ->
                            throw new StoreException("Cannot " + what + ": " + e.getCause());
                }
            } catch (InterruptedException e) {
                pool.shutdownNow();
                Thread.currentThread().interrupt();
                throw new StoreException("Interrupted: cannot " + what + ".");
            }
            return results;
        }
    }

    Batch batch() {
        return new Batch();
    }

    /** Copies a range; returns its SHA-256. */
    private static String copy(FileChannel in, long from, long size, FileChannel out, long to)
            throws IOException {
        MessageDigest digest = sha256();
        ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.clamp(size, 1, BUFFER));
        long done = 0;
        while (done < size) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), size - done));
            int n = in.read(buffer, from + done);
            if (n < 0) {
                throw new IOException("the file ends before byte " + (from + size));
            }
            digest.update(buffer.flip());
            buffer.rewind();
            while (buffer.hasRemaining()) {
                done += out.write(buffer, to + done);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /**
     * Puts a file together, its pieces side by side, leaving holes for floating-point tensors where
     * told to.
     */
    void assemble(StoredFile f, Path target, boolean outline) {
        try (RandomAccessFile file = new RandomAccessFile(target.toFile(), "rw")) {
            file.setLength(f.size());
            assemble(f, file.getChannel(), outline);
        } catch (IOException e) {
            throw new SoupIoException("write", target, e);
        }
    }

    /** The same into an open, empty file. */
    void assemble(StoredFile f, FileChannel out, boolean outline) throws IOException {
        long at = 0;
        List<Placed> placed = new ArrayList<>();
        for (Piece p : f.pieces()) {
            if (!(outline && p.isFloatTensor())) {
                placed.add(new Placed(p, at));
            }
            at += p.size();
        }
        if (at != f.size()) {
            throw new StoreException(
                    "The manifest of " + f.path() + " lists " + at + " of " + f.size() + " bytes.");
        }
        sideBySide(
                THREADS,
                "write " + f.path(),
                placed,
                p -> {
                    write(p, f, out);
                    return true;
                });
    }

    /** A piece and where in the file it begins. */
    private record Placed(Piece piece, long at) {}

    private void write(Placed placed, StoredFile f, FileChannel out) throws IOException {
        Piece p = placed.piece();
        try (FileChannel in = open(p, f)) {
            checkHash(p, copy(in, 0, p.size(), out, placed.at()));
        }
    }

    /**
     * An object for reading; whoever reads it checks its hash.
     *
     * @param f whose it is, for messages
     * @throws StoreException if it is missing or cannot be what it should
     */
    FileChannel open(Piece p, StoredFile f) throws IOException {
        Path object = file(p.sha256());
        if (!Files.exists(object)) {
            throw new StoreException(
                    object + " is missing, which " + f.path() + " needs; run 'soup fsck'.");
        }
        if (!Trees.isFile(object)) {
            throw new StoreException(object + " was altered: it is no file; run 'soup fsck'.");
        }
        FileChannel in = FileChannel.open(object, StandardOpenOption.READ);
        if (in.size() != p.size()) {
            in.close();
            checkHash(p, "");
        }
        return in;
    }

    /**
     * @param found SHA-256 of what was read
     * @throws StoreException if it is not the object's name
     */
    void checkHash(Piece p, String found) {
        if (!found.equals(p.sha256())) {
            throw new StoreException(
                    file(p.sha256())
                            + " was altered: its SHA-256 is not the one in its name; run 'soup"
                            + " fsck'.");
        }
    }
}
