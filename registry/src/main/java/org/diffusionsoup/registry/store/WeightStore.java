package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.soup.SumStep;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/**
 * A folder of checkpoints, each tensor kept once under its SHA-256 ({@code objects/ab/…}), with a
 * {@link Manifest} per checkpoint from which its files are rebuilt byte for byte. Everything
 * appears whole or not at all and is flushed to disk before its id is handed out.
 */
public final class WeightStore {
    private final StoreLayout layout;
    private final StoreMarks marks;
    private final Sessions sessions;
    private final Objects objects;
    private final Manifests manifests;
    private final Rebuilder rebuilder;
    private final KeptSums sums;

    /** A store in a folder, which is made when needed. */
    public WeightStore(Path folder) {
        this(new Manifests(new StoreLayout(folder), Optional.empty()), new Objects(folder));
    }

    private WeightStore(Manifests manifests, Objects objects) {
        this.layout = manifests.layout();
        this.marks = new StoreMarks(layout.folder());
        this.sessions = new Sessions(layout);
        this.objects = objects;
        this.manifests = manifests;
        this.rebuilder = new Rebuilder(manifests, objects);
        this.sums = new KeptSums(layout);
    }

    /** A staged checkpoint's store as it would be with it, to read from until it is closed. */
    public static WeightStore with(Staged staged) {
        return new WeightStore(staged.manifestsWithIt(), staged.objectsWithIt());
    }

    /** The store's folder. */
    public Path folder() {
        return layout.folder();
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
        private final Sessions.Open open;

        private Session(Sessions.Open open) {
            this.open = open;
        }

        /** A folder for this session's intermediate files, on the store's file system. */
        public Path work() {
            return open.work();
        }

        @Override
        public void close() {
            open.close();
        }
    }

    /**
     * Begins adding or reading; end it in the same thread, once the ledger names what was added.
     */
    public Session open() {
        return new Session(sessions.open());
    }

    /** A share of the store's lock to read only, where nothing need be writable. */
    public interface Reading extends AutoCloseable {
        @Override
        void close();
    }

    /** Begins reading: as far as the store can be locked, nothing is collected meanwhile. */
    public Reading openToRead() {
        return sessions.openToRead()::close;
    }

    /** Adds a checkpoint whole, or finds it present: its id. */
    public String put(Path checkpoint) {
        try (Staged s = stage(checkpoint, List.of())) {
            s.keep();
            return s.id();
        }
    }

    /**
     * Reads a checkpoint that is to be looked at before it is added: it is in the store once {@link
     * Staged#keep} is called, and otherwise leaves nothing there.
     *
     * @param checkpoint a safetensors file, a sharded set or a diffusers folder
     * @param leftOut paths of files in such a folder that are no part of it ({@link LeftOut})
     * @throws SoupException if it is malformed, or holds weights that are no safetensors
     */
    public Staged stage(Path checkpoint, List<String> leftOut) {
        return new Stager(manifests, objects).stage(checkpoint, leftOut);
    }

    /** Writes a checkpoint's manifest, unless it is there. */
    public void put(Manifest manifest) {
        manifests.write(manifest);
    }

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
        return new OnePassAdjuster(manifests, objects, sums)
                .adjust(from, sumHashes, step, stored, work, threads, written);
    }

    /** Whether a checkpoint's manifest is present; its objects may still be damaged. */
    public boolean has(String id) {
        return manifests.has(id);
    }

    /** Ids of all manifests present. */
    public List<String> ids() {
        return manifests.ids();
    }

    /**
     * A checkpoint's manifest.
     *
     * @throws StoreException if it is missing or altered
     */
    public Manifest manifest(String id) {
        return manifests.read(id);
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
        return rebuilder.rebuild(id, target, false);
    }

    /**
     * Rebuilds a checkpoint that is one file, checking every piece against its hash.
     *
     * @param out an empty file
     * @throws StoreException naming a piece that is missing or altered
     */
    public void rebuild(String id, FileChannel out) throws IOException {
        rebuilder.rebuild(id, out);
    }

    /**
     * Rebuilds all of a checkpoint but the values of its floating-point tensors, which are left as
     * holes in the files: what is needed of a soup whose weights are about to be computed anew.
     */
    public Path rebuildOutline(String id, Path target) {
        return rebuilder.rebuild(id, target, true);
    }

    /**
     * The bytes of one piece.
     *
     * @param arena as long as which they can be read
     * @param check against its hash; needless for what was hashed as it was written just now
     * @throws SoupException if it is missing or altered
     */
    public MemorySegment map(Piece p, Arena arena, boolean check) {
        return rebuilder.map(p, arena, check);
    }

    /** The same, also of a recorded checkpoint that was collected: what it held is known still. */
    public Manifest known(String id) {
        return manifests.readKnown(id);
    }

    /** Where a soup's exact sum is kept, if it is. */
    public Path sum(String id) {
        return layout.sum(id);
    }

    /**
     * Takes over a soup's exact sum from where the souper left it, by moving it. Where the soup has
     * a sum already, of another maker or of one running at the same moment, that one stays.
     *
     * @return SHA-256 of its files by name; empty if the sum that stays is another than the one
     *     made (on another scale, or damaged), so that nothing is recorded that is not there
     */
    public TreeMap<String, String> keepSum(Path made, String id) {
        return sums.keep(made, id, sumHashes(made));
    }

    /** SHA-256 of a sum's files by name. */
    public static TreeMap<String, String> sumHashes(Path sum) {
        return KeptSums.hashes(sum);
    }

    /**
     * Whether a soup's sum has the files that it should, and those that are small are what they
     * should be: what a pass that checks the large ones while it reads them needs beforehand.
     *
     * @param hashes SHA-256 by name
     */
    public boolean hasSumBut(String id, Map<String, String> hashes) {
        return sums.hasAllBut(id, hashes);
    }

    /**
     * Checks all pieces of some checkpoints against their hashes.
     *
     * @param wanted what should be there, with the words that messages name it by
     * @return what is missing or altered
     */
    public List<StoreFinding> check(TreeMap<String, String> wanted) {
        return new StoreCheck(manifests, objects, true).run(wanted);
    }

    /** As {@link #check}, but looks only whether everything is there and of its size. */
    public List<StoreFinding> lacking(TreeMap<String, String> wanted) {
        return new StoreCheck(manifests, objects, false).run(wanted);
    }

    /** A sentence for each folder that is none: a link leads elsewhere, a pipe has no end. */
    public List<String> links() {
        return StoreCheck.links(layout.folder());
    }

    /** What somebody put into the store that no store makes; it stays, and takes room. */
    public List<String> foreign() {
        return StoreCheck.foreign(layout.folder());
    }

    /**
     * Deletes what no wanted checkpoint needs: manifests, objects, sums, and leftovers of processes
     * that died. Waits until nobody adds.
     *
     * @param wanted asked once nobody adds any more: what is to stay
     * @param graceMillis younger files are kept
     * @return bytes freed
     */
    public long collect(Supplier<Wanted> wanted, long graceMillis) {
        try (StoreLock.Held alone = sessions.alone()) {
            return new Collector(manifests, graceMillis).run(wanted.get());
        }
    }

    /**
     * Objects that none of some checkpoints needs, by their SHA-256.
     *
     * @param checkpoints ids; one that is missing or damaged needs nothing
     */
    public Set<String> objectsBut(Set<String> checkpoints) {
        return new ObjectFolders(layout).hashesBut(checkpoints, manifests);
    }

    /**
     * Where certificates of withdrawals are kept beside the weights: they say why weights are gone
     * that an earlier certificate names. They are signed, so that the store need not be trusted.
     */
    public Path certificates() {
        return layout.certificates();
    }

    /** Removes a damaged or unwanted checkpoint's manifest, so that it can be added again. */
    public void forget(String id) {
        manifests.delete(id);
        dropSum(id);
    }

    /** Removes a kept sum. */
    public void dropSum(String id) {
        sums.delete(id);
    }

    /** Its objects that are not what they should be. */
    public DamagedObjects damaged() {
        return new DamagedObjects(layout);
    }
}
