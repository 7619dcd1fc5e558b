package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FileStamp;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.soup.SumStep;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/**
 * A folder of checkpoints, each tensor kept once under its SHA-256 ({@code objects/ab/…}), with a
 * {@link Manifest} per checkpoint from which its files are rebuilt byte for byte. Everything
 * appears whole or not at all and is flushed to disk before its id is handed out.
 */
public final class WeightStore {
    /** Bytes that are hashed in one go. */
    private static final long HASHED_AT_ONCE = 1 << 24;

    static final String OBJECTS = "objects";
    static final String MANIFESTS = "manifests";
    static final String SUMS = "sums";
    static final String WORK = "work";

    private static final String SUM_FILE = ".safetensors";
    private static final String SUM_EXCEPTIONS = ".exceptions.safetensors";

    /** A sum has a few files; a folder with more is none. */
    private static final int MOST_SUM_FILES = 1000;

    private final Path folder;
    private final Objects objects;
    private final StoreMarks marks;

    /** A checkpoint to read that is not in the store yet. */
    private final Optional<Manifest> staged;

    /** A store in a folder, which is made when needed. */
    public WeightStore(Path folder) {
        this(folder, new Objects(folder), Optional.empty());
    }

    private WeightStore(Path folder, Objects objects, Optional<Manifest> staged) {
        this.folder = folder;
        this.objects = objects;
        this.marks = new StoreMarks(folder);
        this.staged = staged;
    }

    /** The same store with a checkpoint in it that is not kept yet. */
    WeightStore with(Objects.Batch batch, Manifest manifest) {
        return new WeightStore(folder, new Objects(folder, batch), Optional.of(manifest));
    }

    /**
     * The registry that it belongs to; empty for a store that no registry has marked yet.
     *
     * @throws StoreException if the mark is damaged
     */
    public Optional<StoreOwner> owner() {
        return marks.owner();
    }

    /** Marks it as a registry's. */
    public void claim(StoreOwner owner) {
        marks.claim(owner);
    }

    /**
     * How far the ledger was when it was last written to, if that is noted.
     *
     * @throws StoreException if the note is damaged
     */
    public Optional<StoreHead> head() {
        return marks.head();
    }

    /** Where {@link #head} is noted. */
    public Path headFile() {
        return marks.headFile();
    }

    /** Notes how far the ledger is. */
    public void noteHead(StoreHead head) {
        marks.note(head);
    }

    /** A share of the store's lock: nothing is collected while it is held. */
    public static final class Session implements AutoCloseable {
        private final StoreLock.Held held;
        private final Path store;
        private final String name;

        private Session(StoreLock.Held held, Path store, String name) {
            this.held = held;
            this.store = store;
            this.name = name;
        }

        /** A folder for this session's intermediate files, on the store's file system. */
        public Path work() {
            return store.resolve(WORK).resolve(name);
        }

        @Override
        public void close() {
            try {
                Inside.delete(store, WORK, name);
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
            String name = ProcessHandle.current().pid() + "-" + UUID.randomUUID();
            Inside.make(folder, WORK, name);
            Session s = new Session(held, folder, name);
            done = true;
            return s;
        } finally {
            if (!done) {
                held.close();
            }
        }
    }

    /** A share of the store's lock to read only, where nothing need be writable. */
    public interface Reading extends AutoCloseable {
        @Override
        void close();
    }

    /** Begins reading: as far as the store can be locked, nothing is collected meanwhile. */
    public Reading openToRead() {
        StoreLock.Held held = lock().sharedIfPossible();
        return held::close;
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
        try (Staged s = stage(checkpoint)) {
            s.keep();
            return s.id();
        }
    }

    /**
     * Reads a checkpoint that is to be looked at before it is added: it is in the store once {@link
     * Staged#keep} is called, and otherwise leaves nothing there.
     *
     * @param checkpoint a safetensors file, a sharded set or a diffusers folder
     * @throws SoupException if it is malformed, or holds weights that are no safetensors
     */
    public Staged stage(Path checkpoint) {
        List<StoredFile> files = new ArrayList<>();
        Objects.Batch batch = objects.batch();
        boolean done = false;
        try (Checkpoint open = Checkpoint.open(checkpoint)) {
            for (TensorSource part : open.parts().values()) {
                for (Path f : part.files()) {
                    if (!f.toString().endsWith(".safetensors")) {
                        throw new StoreException(
                                f
                                        + " is no .safetensors file, and the registry keeps no"
                                        + " others; convert it with 'soup merge "
                                        + checkpoint
                                        + " `out` NEW'.");
                    }
                }
            }
            boolean isFolder = open.layout() != Checkpoint.Layout.SAFETENSORS;
            if (isFolder) {
                Path root = Files.isDirectory(checkpoint) ? checkpoint : parent(checkpoint);
                for (String path : content(open, root)) {
                    files.add(add(batch, root.resolve(path), path));
                }
            } else {
                files.add(add(batch, checkpoint, Manifest.SINGLE));
            }
            Staged s = new Staged(this, batch, new Manifest(isFolder, files));
            done = true;
            return s;
        } finally {
            if (!done) {
                batch.close();
            }
        }
    }

    String write(Manifest manifest) {
        put(manifest);
        return manifest.id();
    }

    /**
     * A soup that was stored with its sum.
     *
     * @param sumHashes SHA-256 of its sum's files by name, as in {@link #keepSum}
     */
    public record Adjusted(String checkpoint, TreeMap<String, String> sumHashes) {}

    /**
     * Takes a step from a stored soup and its kept sum to another, reading every byte once. What
     * floating-point tensors hold is read from their objects; where the request's files are, they
     * need not have it ({@link #rebuildOutline}).
     *
     * @param from id of the old soup
     * @param sumHashes what its sum has to be, checked while it is read
     * @param stored by the outlines' files, what they are in the store
     * @param work a folder that is not there yet
     * @param written told of elements
     * @throws SumStep.NotInOnePass if the soup's files are not those that the step makes
     * @throws SoupException if the sum or anything else that was read is not what it should be, or
     *     reading or writing fails; then nothing is stored
     */
    public Adjusted adjust(
            String from,
            Map<String, String> sumHashes,
            SumStep step,
            Map<Path, StoredFile> stored,
            Path work,
            int threads,
            LongConsumer written) {
        Path newSum = Inside.make(work);
        Manifest old = manifest(from);
        Map<String, StoredFile> made = new HashMap<>();
        TreeMap<String, String> hashes = new TreeMap<>();
        try (Objects.Batch batch = objects.batch()) {
            OnePass pass = new OnePass(objects, batch, threads, written);
            for (SumStep.Part part : step.parts()) {
                StoredFile before = stored(stored, part.soupFile());
                List<StoredFile> changes = new ArrayList<>();
                part.changeFiles().forEach(f -> changes.add(stored(stored, f)));
                String name = String.valueOf(part.sumFile().getFileName());
                OnePass.Made m = pass.run(part, before, changes, newSum.resolve(name));
                if (!m.oldSumHash().equals(sumHashes.get(name))) {
                    throw new StoreException(part.sumFile() + " was altered.");
                }
                hashes.put(name, m.sumHash());
                made.put(before.path(), m.file());
            }
            step.writeRest(newSum);
            batch.commit();
        } catch (IOException e) {
            throw new SoupIoException("adjust", newSum, e);
        }
        List<StoredFile> files =
                old.files().stream().map(f -> made.getOrDefault(f.path(), f)).toList();
        String id = write(new Manifest(old.folder(), files));
        for (Path f : sumFiles(newSum)) {
            hashes.computeIfAbsent(f.getFileName().toString(), n -> Hashes.sha256(f));
        }
        return new Adjusted(id, keepSum(newSum, id, hashes));
    }

    private static StoredFile stored(Map<Path, StoredFile> stored, Path file) {
        StoredFile f = stored.get(file.toAbsolutePath().normalize());
        if (f == null) {
            throw new SumStep.NotInOnePass(file + " is not one of the store's files.");
        }
        return f;
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
            FileStamp before = FileStamp.of(file);
            long size = before.size();
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
            if (!FileStamp.of(file).equals(before)) {
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

    Path manifestFile(String id) {
        return folder.resolve(MANIFESTS).resolve(id + ".json");
    }

    /** Whether a checkpoint's manifest is present; its objects may still be damaged. */
    public boolean has(String id) {
        return isStaged(id) || Files.exists(manifestFile(id));
    }

    private boolean isStaged(String id) {
        return staged.filter(m -> m.id().equals(id)).isPresent();
    }

    /** Ids of all manifests present. */
    public List<String> ids() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        return Inside.list(folder, MANIFESTS).stream()
                .filter(i -> i.kind() == Inside.Kind.FILE)
                .map(Inside.Item::name)
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
        if (isStaged(id)) {
            return staged.get();
        }
        Path file = manifestFile(id);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new StoreException(
                    "The store " + folder + " has no checkpoint " + id + " (manifest missing).");
        }
        try {
            if (!Trees.isFile(file)) {
                throw new StoreException(file + " was altered: it is no file.");
            }
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
     * Rebuilds a checkpoint that is one file, checking every piece against its hash.
     *
     * @param out an empty file
     * @throws StoreException naming a piece that is missing or altered
     */
    public void rebuild(String id, FileChannel out) throws IOException {
        objects.assemble(manifest(id).files().getFirst(), out, false);
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

    /**
     * The bytes of one piece, checked against its hash.
     *
     * @param arena as long as which they can be read
     * @throws SoupException if it is missing or altered
     */
    public MemorySegment map(Manifest.Piece p, Arena arena) {
        Path file = objects.file(p.sha256());
        if (!Trees.isFile(file)) {
            throw new StoreException(file + " is missing or no file; run 'soup fsck'.");
        }
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment bytes = in.map(FileChannel.MapMode.READ_ONLY, 0, in.size(), arena);
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (long at = 0; at < bytes.byteSize(); at += HASHED_AT_ONCE) {
                long n = Math.min(HASHED_AT_ONCE, bytes.byteSize() - at);
                digest.update(bytes.asSlice(at, n).asByteBuffer());
            }
            if (!HexFormat.of().formatHex(digest.digest()).equals(p.sha256())) {
                throw new StoreException(file + " was altered; run 'soup fsck'.");
            }
            return bytes;
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    /** Where a soup's exact sum is kept, if it is. */
    public Path sum(String id) {
        return folder.resolve(SUMS).resolve(id);
    }

    /**
     * Takes over a soup's exact sum from where the souper left it, by moving it. Where the soup has
     * a sum already, of another maker or of one running at the same moment, that one stays.
     *
     * @return SHA-256 of its files by name; empty if the sum that stays is another than the one
     *     made (on another scale, or damaged), so that nothing is recorded that is not there
     */
    public TreeMap<String, String> keepSum(Path made, String id) {
        return keepSum(made, id, sumHashes(made));
    }

    private TreeMap<String, String> keepSum(Path made, String id, TreeMap<String, String> hashes) {
        Path target = sum(id);
        Inside.make(folder, SUMS);
        if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)
                && Trees.moveUnlessThere(made, target)) {
            return hashes;
        }
        return hashes.equals(sumHashes(target)) ? hashes : new TreeMap<>();
    }

    /** SHA-256 of a sum's files by name. */
    public static TreeMap<String, String> sumHashes(Path sum) {
        TreeMap<String, String> hashes = new TreeMap<>();
        if (!Files.isDirectory(sum, LinkOption.NOFOLLOW_LINKS)) {
            return hashes;
        }
        sumFiles(sum).parallelStream()
                .map(f ->
                        List.of(
                                f.getFileName().toString(),
                                Trees.isFile(f) ? Hashes.sha256(f) : "no file"))
                .toList()
                .forEach(p -> hashes.put(p.get(0), p.get(1)));
        return hashes;
    }

    private static List<Path> sumFiles(Path sum) {
        try (Stream<Path> all = Files.list(sum)) {
            return all.limit(MOST_SUM_FILES).sorted().toList();
        } catch (IOException e) {
            throw new SoupIoException("read", sum, e);
        }
    }

    /**
     * Whether a soup's sum has the files that it should, and those that are small are what they
     * should be: what a pass that checks the large ones while it reads them needs beforehand.
     *
     * @param hashes SHA-256 by name
     */
    public boolean hasSumBut(String id, Map<String, String> hashes) {
        Path sum = sum(id);
        if (!Files.isDirectory(sum, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        List<Path> files = sumFiles(sum);
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
     * Folders that are none: a link leads out of the store, and a pipe has no end.
     *
     * @return a sentence for each
     */
    public List<String> links() {
        return StoreCheck.links(folder);
    }

    /** What somebody put into the store that no store makes; it stays, and takes room. */
    public List<String> foreign() {
        return StoreCheck.foreign(folder);
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
            return new Collector(this, graceMillis).run(wanted.get());
        } finally {
            held.close();
        }
    }

    /**
     * What is to stay, and what has no time to go.
     *
     * @param withdrawn of some SHA-256, of checkpoints and tensors, those of what was withdrawn:
     *     where nothing wanted has them they are deleted however young they are
     */
    public record Wanted(
            Set<String> checkpoints, Set<String> sums, UnaryOperator<Set<String>> withdrawn) {
        public Wanted {
            checkpoints = Set.copyOf(checkpoints);
            sums = Set.copyOf(sums);
        }
    }

    /**
     * Objects that none of some checkpoints needs, by their SHA-256.
     *
     * @param checkpoints ids; one that is missing or damaged needs nothing
     */
    public Set<String> objectsBut(Set<String> checkpoints) {
        Set<String> names = new HashSet<>();
        if (!Files.isDirectory(folder)) {
            return names;
        }
        for (Inside.Item d : Inside.list(folder, OBJECTS)) {
            if (d.kind() == Inside.Kind.FOLDER && d.name().matches("[0-9a-f]{2}")) {
                Inside.list(folder, OBJECTS, d.name()).stream()
                        .filter(o -> o.kind() == Inside.Kind.FILE)
                        .map(Inside.Item::name)
                        .filter(n -> n.matches("[0-9a-f]{64}"))
                        .forEach(names::add);
            }
        }
        checkpoints.forEach(id -> names.removeAll(pieces(id)));
        return names;
    }

    /** SHA-256 of a checkpoint's objects; none where its manifest is missing or damaged. */
    Set<String> pieces(String id) {
        try {
            return manifest(id).pieces();
        } catch (SoupException e) {
            return Set.of();
        }
    }

    /**
     * Where certificates of withdrawals are kept beside the weights: they say why weights are gone
     * that an earlier certificate names. They are signed, so that the store need not be trusted.
     */
    public Path certificates() {
        return folder.resolve("certificates");
    }

    /** Removes a damaged or unwanted checkpoint's manifest, so that it can be added again. */
    public void forget(String id) {
        Inside.delete(folder, MANIFESTS, id + ".json");
        dropSum(id);
    }

    /** Removes a kept sum. */
    public void dropSum(String id) {
        Inside.delete(folder, SUMS, id);
    }

    /** Puts an object aside that is known to be damaged, until it is there whole again. */
    public void putAside(String sha256) {
        new Objects(folder).putAside(sha256);
    }

    /** SHA-256 of the objects that are there whole while damaged bytes of theirs are kept. */
    public Set<String> needlesslyAside() {
        Set<String> hashes = new TreeSet<>();
        if (!Files.isDirectory(folder)) {
            return hashes;
        }
        for (Inside.Item d : Inside.list(folder, OBJECTS)) {
            if (d.kind() == Inside.Kind.FOLDER && d.name().matches("[0-9a-f]{2}")) {
                Inside.list(folder, OBJECTS, d.name()).stream()
                        .map(Inside.Item::name)
                        .filter(n -> n.matches("[0-9a-f]{64}\\" + Objects.DAMAGED))
                        .map(n -> n.substring(0, 64))
                        .filter(h -> Trees.isFile(new Objects(folder).file(h)))
                        .forEach(hashes::add);
            }
        }
        return hashes;
    }

    /** Deletes the damaged bytes of an object that were put aside. */
    public void dropDamaged(String sha256) {
        Inside.delete(folder, OBJECTS, sha256.substring(0, 2), sha256 + Objects.DAMAGED);
    }

    /** Writes a checkpoint's manifest, unless it is there. */
    public void put(Manifest manifest) {
        Path target = manifestFile(manifest.id());
        if (!Trees.isFile(target)) {
            Inside.make(folder, MANIFESTS);
            AtomicFiles.write(
                    target, manifest.text().getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
    }
}
