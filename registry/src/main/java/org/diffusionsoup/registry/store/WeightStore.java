package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.Checkpoint;
import org.diffusionsoup.core.DiffusersFolder;
import org.diffusionsoup.core.Hashes;
import org.diffusionsoup.core.SafetensorsFile;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.TensorInfo;
import org.diffusionsoup.core.TensorSource;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/**
 * A folder of checkpoints, each tensor kept once under its SHA-256 ({@code objects/ab/…}), with a
 * {@link Manifest} per checkpoint from which its files are rebuilt byte for byte. Everything
 * appears whole or not at all and is flushed to disk before its id is handed out.
 */
public final class WeightStore {
    private final Path folder;
    private final Objects objects;

    /** A store in a folder, which is made when needed. */
    public WeightStore(Path folder) {
        this.folder = folder;
        this.objects = new Objects(folder.resolve("objects"), folder.resolve("work"));
    }

    /** A share of the store's lock: nothing is collected while it is held. */
    public static final class Session implements AutoCloseable {
        private final StoreLock.Held held;
        private final Path work;

        private Session(StoreLock.Held held, Path work) {
            this.held = held;
            this.work = work;
        }

        /** A folder for this session's intermediate files, on the store's file system. */
        public Path work() {
            return work;
        }

        @Override
        public void close() {
            try {
                Trees.delete(work);
            } finally {
                held.close();
            }
        }
    }

    /**
     * Begins adding or reading; end it in the same thread, once the ledger names what was added.
     */
    public Session open() {
        Trees.make(folder);
        StoreLock.Held held = lock().shared();
        boolean done = false;
        try {
            Path work =
                    folder.resolve("work")
                            .resolve(ProcessHandle.current().pid() + "-" + UUID.randomUUID());
            Trees.make(work);
            Session s = new Session(held, work);
            done = true;
            return s;
        } finally {
            if (!done) {
                held.close();
            }
        }
    }

    private StoreLock lock() {
        return StoreLock.of(folder.resolve("lock"));
    }

    /** The store's folder. */
    public Path folder() {
        return folder;
    }

    /**
     * Adds a checkpoint, or finds it present.
     *
     * @param checkpoint a safetensors file, a sharded set or a diffusers folder
     * @return its id
     * @throws SoupException if it is malformed, or holds weights that are no safetensors
     */
    public String put(Path checkpoint) {
        List<StoredFile> files = new ArrayList<>();
        boolean isFolder;
        try (Checkpoint open = Checkpoint.open(checkpoint);
                Objects.Batch batch = objects.batch()) {
            for (TensorSource part : open.parts().values()) {
                for (Path f : part.files()) {
                    if (!f.toString().endsWith(".safetensors")) {
                        throw new StoreException(
                                f
                                        + " is no .safetensors file, and the registry keeps no"
                                        + " others; convert it with 'soup merge "
                                        + checkpoint
                                        + " -o NEW'.");
                    }
                }
            }
            isFolder = open.layout() != Checkpoint.Layout.SAFETENSORS;
            if (isFolder) {
                Path root = Files.isDirectory(checkpoint) ? checkpoint : parent(checkpoint);
                for (String path : content(open, root)) {
                    files.add(add(batch, root.resolve(path), path));
                }
            } else {
                files.add(add(batch, checkpoint, Manifest.SINGLE));
            }
            batch.commit();
        }
        Manifest manifest = new Manifest(isFolder, files);
        Path target = manifestFile(manifest.id());
        if (!Files.exists(target)) {
            AtomicFiles.write(
                    target, manifest.text().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        return manifest.id();
    }

    private static Path parent(Path file) {
        Path parent = file.toAbsolutePath().getParent();
        if (parent == null) {
            throw new StoreException(file + " names no file.");
        }
        return parent;
    }

    /** The files that make up a checkpoint, by their paths in it. */
    private static Iterable<String> content(Checkpoint open, Path root) {
        TreeSet<String> paths = new TreeSet<>();
        if (open.folder().isPresent()) {
            DiffusersFolder d = open.folder().get();
            paths.addAll(d.weightFiles());
            paths.addAll(d.otherFiles());
            return paths;
        }
        open.parts()
                .values()
                .forEach(p ->
                        p.files()
                                .forEach(f ->
                                        paths.add(
                                                root.toAbsolutePath()
                                                        .relativize(f.toAbsolutePath())
                                                        .toString()
                                                        .replace('\\', '/'))));
        try (Stream<Path> all = Files.list(root)) {
            all.map(f -> f.getFileName().toString())
                    .filter(n -> n.endsWith(".safetensors.index.json"))
                    .forEach(paths::add);
        } catch (IOException e) {
            throw new SoupIoException("read", root, e);
        }
        return paths;
    }

    private StoredFile add(Objects.Batch batch, Path file, String path) {
        try {
            long size = Files.size(file);
            var changed = Files.getLastModifiedTime(file);
            List<Piece> pieces = new ArrayList<>();
            String whole;
            if (file.toString().endsWith(".safetensors")) {
                // Two passes over the file at once: one for its hash, one for the pieces'.
                CompletableFuture<String> hash =
                        CompletableFuture.supplyAsync(() -> Hashes.sha256(file));
                try (SafetensorsFile open = SafetensorsFile.open(file)) {
                    List<TensorInfo> tensors = List.copyOf(open.tensors().values());
                    long header = tensors.isEmpty() ? size : tensors.getFirst().offset();
                    List<Objects.Range> ranges = new ArrayList<>();
                    ranges.add(new Objects.Range(0, header, Piece.BYTES));
                    for (TensorInfo t : tensors) {
                        ranges.add(
                                new Objects.Range(
                                        t.offset(), t.byteSize(), t.dtype().safetensorsName()));
                    }
                    pieces.addAll(batch.put(file, ranges));
                }
                whole = join(hash);
            } else {
                pieces.addAll(batch.put(file, List.of(new Objects.Range(0, size, Piece.BYTES))));
                whole = pieces.getFirst().sha256();
            }
            if (Files.size(file) != size || !Files.getLastModifiedTime(file).equals(changed)) {
                throw new StoreException(file + " changed while it was being stored; try again.");
            }
            return new StoredFile(path, size, whole, pieces);
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    private static String join(CompletableFuture<String> hash) {
        try {
            return hash.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof SoupException s) {
                throw s;
            }
            throw e;
        }
    }

    private Path manifestFile(String id) {
        return folder.resolve("manifests").resolve(id + ".json");
    }

    /** Whether a checkpoint's manifest is present; its objects may still be damaged. */
    public boolean has(String id) {
        return Files.exists(manifestFile(id));
    }

    /** Ids of all manifests present. */
    public List<String> ids() {
        return Trees.list(folder.resolve("manifests")).stream()
                .map(p -> p.getFileName().toString())
                .filter(n -> n.matches("[0-9a-f]{64}\\.json"))
                .map(n -> n.substring(0, 64))
                .sorted()
                .toList();
    }

    /**
     * A checkpoint's manifest.
     *
     * @throws StoreException if it is missing or altered
     */
    public Manifest manifest(String id) {
        Path file = manifestFile(id);
        if (!Files.exists(file)) {
            throw new StoreException(
                    "The store " + folder + " has no checkpoint " + id + " (manifest missing).");
        }
        try {
            byte[] text = Files.readAllBytes(file);
            if (!Hashes.sha256Hex(text).equals(id)) {
                throw new StoreException(
                        file + " was altered: its SHA-256 is not the one in its name.");
            }
            return Manifest.parse(text, file.toString());
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }

    /**
     * Rebuilds a checkpoint, checking every piece against its hash.
     *
     * @param id of the checkpoint
     * @param target a folder to fill, which is made when needed
     * @return the folder, or the one file in it
     * @throws StoreException naming a piece that is missing or altered
     */
    public Path rebuild(String id, Path target) {
        return rebuild(id, target, false);
    }

    /**
     * Rebuilds all of a checkpoint but the values of its floating-point tensors, which are left as
     * holes in the files: what is needed of a soup whose weights are about to be computed anew.
     */
    public Path rebuildOutline(String id, Path target) {
        return rebuild(id, target, true);
    }

    private Path rebuild(String id, Path target, boolean outline) {
        Manifest m = manifest(id);
        Trees.make(target);
        for (StoredFile f : m.files()) {
            Path file = target.resolve(f.path());
            Trees.make(file.getParent());
            objects.assemble(f, file, outline);
        }
        return m.folder() ? target : target.resolve(Manifest.SINGLE);
    }

    /** Where a soup's exact sum is kept, if it is. */
    public Path sum(String id) {
        return folder.resolve("sums").resolve(id);
    }

    /**
     * Takes over a soup's exact sum from where the souper left it, by moving it. Where the soup has
     * a sum already, of another maker or of one running at the same moment, that one stays.
     *
     * @return SHA-256 of its files by name; empty if the sum that stays is another than the one
     *     made (on another scale, or damaged), so that nothing is recorded that is not there
     */
    public TreeMap<String, String> keepSum(Path made, String id) {
        TreeMap<String, String> hashes = sumHashes(made);
        Path target = sum(id);
        if (!Files.isDirectory(target) && Trees.moveUnlessThere(made, target)) {
            return hashes;
        }
        return hashes.equals(sumHashes(target)) ? hashes : new TreeMap<>();
    }

    /** SHA-256 of a sum's files by name. */
    public static TreeMap<String, String> sumHashes(Path sum) {
        TreeMap<String, String> hashes = new TreeMap<>();
        Trees.list(sum).parallelStream()
                .map(f -> List.of(f.getFileName().toString(), Hashes.sha256(f)))
                .toList()
                .forEach(p -> hashes.put(p.get(0), p.get(1)));
        return hashes;
    }

    /**
     * Checks all pieces of some checkpoints against their hashes.
     *
     * @param wanted what should be there, with the words that messages name it by
     * @return what is missing or altered
     */
    public List<StoreFinding> check(TreeMap<String, String> wanted) {
        return new StoreCheck(this, objects).run(wanted);
    }

    /**
     * Deletes what no wanted checkpoint needs: manifests, objects, sums, and leftovers of processes
     * that died. Waits until nobody adds.
     *
     * @param wanted asked once nobody adds any more: what is to stay
     * @param graceMillis younger files are kept
     * @return bytes freed
     */
    public long collect(java.util.function.Supplier<Wanted> wanted, long graceMillis) {
        Trees.make(folder);
        StoreLock.Held held = lock().alone();
        try {
            return new Collector(this, objects, graceMillis).run(wanted.get());
        } finally {
            held.close();
        }
    }

    /** What is to stay. */
    public record Wanted(java.util.Set<String> checkpoints, java.util.Set<String> sums) {
        public Wanted {
            checkpoints = java.util.Set.copyOf(checkpoints);
            sums = java.util.Set.copyOf(sums);
        }
    }

    /**
     * Where certificates of withdrawals are kept beside the weights: they say why weights are gone
     * that an earlier certificate names. They are signed, so that the store need not be trusted.
     */
    public Path certificates() {
        return folder.resolve("certificates");
    }

    Path manifests() {
        return folder.resolve("manifests");
    }

    Path sums() {
        return folder.resolve("sums");
    }

    Path workFolder() {
        return folder.resolve("work");
    }

    /** Removes a damaged or unwanted checkpoint's manifest, so that it can be added again. */
    public void forget(String id) {
        Trees.delete(manifestFile(id));
        Trees.delete(sum(id));
    }

    /** Removes a kept sum. */
    public void dropSum(String id) {
        Trees.delete(sum(id));
    }

    /** Removes an object that is known to be damaged. */
    public void discardObject(String sha256) {
        Trees.delete(objects.file(sha256));
    }
}
