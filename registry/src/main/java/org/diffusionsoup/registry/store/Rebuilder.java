package org.diffusionsoup.registry.store;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.registry.store.Manifest.Piece;
import org.diffusionsoup.registry.store.Manifest.StoredFile;

/** Takes checkpoints and their pieces out of a store, checking every hash. */
record Rebuilder(Manifests manifests, Objects objects) {
    /** Bytes that are hashed in one go. */
    private static final long HASHED_AT_ONCE = 1 << 24;

    /**
     * Rebuilds a checkpoint in a folder.
     *
     * @param outline whether floating-point tensors are left as holes
     * @return the folder, or the one file in it
     */
    Path rebuild(String id, Path target, boolean outline) {
        Manifest m = manifests.read(id);
        Trees.make(target);
        for (StoredFile f : m.files()) {
            Path file = target.resolve(f.path());
            Trees.make(file.getParent());
            objects.assemble(f, file, outline);
        }
        return m.folder() ? target : target.resolve(Manifest.SINGLE);
    }

    /** Rebuilds a checkpoint that is one file in an open, empty one. */
    void rebuild(String id, FileChannel out) throws IOException {
        objects.assemble(manifests.read(id).files().getFirst(), out, false);
    }

    /** The bytes of one piece, for as long as the arena lives. */
    MemorySegment map(Piece p, Arena arena, boolean check) {
        Path file = objects.file(p.sha256());
        if (!Trees.isFile(file)) {
            throw new StoreException(file + " is missing or no file; run 'soup fsck'.");
        }
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment bytes = in.map(FileChannel.MapMode.READ_ONLY, 0, in.size(), arena);
            if (!check) {
                return bytes;
            }
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
}
